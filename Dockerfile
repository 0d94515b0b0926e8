# Airflow 3.3. The image installs packages.txt and requirements.txt, and copies the project, before the lines below.
FROM astrocrpublic.azurecr.io/runtime:3.3-7

# The connection types and their forms come from an installed distribution; what it needs is installed already. What
# setuptools leaves in plugins/ would be a second record of it, and Airflow load its plugin twice.
RUN pip install --no-cache-dir --no-deps --editable . && rm -rf plugins/*.egg-info
