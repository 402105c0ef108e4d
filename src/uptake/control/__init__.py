"""What commands ask of an installation, in one vocabulary: `requests` says what can be asked, `operations` does it.

A command that finds a server on its data folder asks it over a socket there (`client`, `server`); one that finds none
opens the installation itself and calls the same operations.
"""
