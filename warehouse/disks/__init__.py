"""Disks, folders and buckets as they are: what they refuse, what they damage, who holds them."""
