+ ft-dcc 0.1.0 ./ft-dcc
scripts: scripts
