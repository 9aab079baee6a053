-- The role and the two databases that Prefect and MLflow keep their state in; again: nothing changes but the password.
-- The password comes by the environment, where a list of processes does not show it.
\set ON_ERROR_STOP on
\getenv password TTC_DATABASE_PASSWORD
SELECT 'CREATE ROLE ttc LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ttc') \gexec
ALTER ROLE ttc PASSWORD :'password';
SELECT 'CREATE DATABASE prefect OWNER ttc' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'prefect') \gexec
SELECT 'CREATE DATABASE mlflow OWNER ttc' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'mlflow') \gexec
