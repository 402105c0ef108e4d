"""What changes state, named by verbs: accept a call, fold the log, rescore, rebuild."""
