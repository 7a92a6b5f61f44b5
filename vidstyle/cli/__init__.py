"""The command line: parse, make a frozen config, one call, report."""
