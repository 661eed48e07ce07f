-- Run once by the postgres image, on an empty volume: the database, the role that owns and migrates it, and the
-- application's, which `manage.py migrate` gives its rights. Nobody is superuser through the network afterwards.
\getenv owner_password OWNER_PASSWORD
\getenv application_password APPLICATION_PASSWORD
CREATE ROLE cryptoml_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE cryptoml LOGIN PASSWORD :'application_password';
CREATE DATABASE cryptoml OWNER cryptoml_owner;
ALTER ROLE CURRENT_USER PASSWORD NULL;
