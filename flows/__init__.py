"""When things happen: the Prefect flows, from cron tick to policy table."""
