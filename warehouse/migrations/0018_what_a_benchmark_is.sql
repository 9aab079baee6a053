-- A benchmark is its content: what a run leaves out of it, and what the file is called, make no other one.

ALTER TABLE runs ADD COLUMN benchmark_content VARCHAR; -- hash of all questions of the benchmark, chosen or not; NULL: an old run, known by the name
