+ ft-dcc 1.0 .
scripts: scripts
