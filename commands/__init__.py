"""One file per command of the starter. Nobody imports them but starter.py and worker.py."""
