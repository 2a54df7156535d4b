"""The commands: each calls the library and prints. Heavy modules are imported by the command that needs them."""
