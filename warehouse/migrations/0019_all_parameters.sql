-- A mixture of experts has two sizes, and a model of a hub is one of its commits.

ALTER TABLE model_versions ADD COLUMN all_parameters BIGINT; -- with every expert, without embeddings; `parameters` are those that a token passes through; NULL: unknown
ALTER TABLE model_versions ADD COLUMN revision VARCHAR;      -- commit that was fetched from a hub, of base+adapter both; NULL: it lay in a folder
