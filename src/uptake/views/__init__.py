"""What is read: one module for each question. The API, the pages and the command line ask here and nowhere else."""
