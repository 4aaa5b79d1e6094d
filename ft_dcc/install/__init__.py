"""Installation of the suite into hosts, diagnosis and removal; knows no command line, server or publishing."""
