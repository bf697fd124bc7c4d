"""What a well-formed network must keep, one check a file. Each takes IR, adds diagnostics to a collector, changes nothing."""
