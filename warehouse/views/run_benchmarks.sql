-- Which benchmark is each run of, whatever its file was called?
-- grain: one run
-- content: hash of all questions of the benchmark; of runs from before it was kept that of the first benchmark of their name
-- benchmark: what it is called everywhere: as a study first named it, else as its first run called it; another of that name has the hash behind it
CREATE VIEW run_benchmarks AS
WITH told AS (
    SELECT
        run_id, opened_at, benchmark AS name, json_extract_string(study_json, '$.benchmark_name') AS given,
        coalesce(benchmark_content, min(benchmark_content) OVER (PARTITION BY benchmark_fingerprint)) AS content
    FROM runs
), firsts AS (
    SELECT content, arg_min(name, (opened_at, run_id)) AS name, min(opened_at) AS since
    FROM told
    WHERE content IS NOT NULL
    GROUP BY content
), heirs AS (
    SELECT name, arg_min(content, (since, content)) AS content FROM firsts GROUP BY name
), placed AS (
    SELECT told.* EXCLUDE (content), coalesce(told.content, heirs.content, sha256(told.name)) AS content
    FROM told
    LEFT JOIN heirs USING (name)
), called AS (
    SELECT
        content, min(opened_at) AS since,
        coalesce(
            arg_min(given, (opened_at, run_id)) FILTER (given IS NOT NULL), arg_min(name, (opened_at, run_id))
        ) AS name
    FROM placed
    GROUP BY content
), shown AS (
    SELECT
        content,
        CASE row_number() OVER (PARTITION BY name ORDER BY since, content)
            WHEN 1 THEN name ELSE name || ' (' || left(content, 6) || ')'
        END AS benchmark
    FROM called
)
SELECT placed.run_id, placed.content, shown.benchmark
FROM placed
JOIN shown USING (content);
