"""When two forms of answers say the same: by structure, then by algebra in killable workers."""
