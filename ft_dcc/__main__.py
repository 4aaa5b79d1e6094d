"""The command ft-dcc as ``python -m ft_dcc``, where its program is not on the PATH."""

from ft_dcc.cli.main import main

main()
