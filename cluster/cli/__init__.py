"""The command `knockcast`: names, options and help. Only here do errors become exit codes."""
