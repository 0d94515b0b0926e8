"""From Airflow's configuration to the provider's settings and the state store."""

from urllib.parse import urlsplit

from airflow.sdk import ObjectStoragePath, conf

from marketo_provider.errors import StoreUnusable
from marketo_provider.settings import SECTION, ProviderSettings
from marketo_provider.state.store import TypedStore, open_store

# What `[core] executor` may say for tasks that all run on the scheduler's own machine.
_LOCAL_EXECUTORS = frozenset({"LocalExecutor", "airflow.executors.local_executor.LocalExecutor"})


def provider_settings() -> ProviderSettings:
    """Return the settings of the section ``[marketo_provider]``.

    :raises InvalidSetting: naming every setting that is wrong.
    """
    return ProviderSettings.parse(
        {name: conf.get(SECTION, name, fallback=None) for name in ProviderSettings.model_fields}
    )


def state_store(settings: ProviderSettings) -> TypedStore:
    """Return the state store that the settings name.

    :raises StoreUnusable: it is on this machine's disk, and tasks may run on others.
    """
    url = urlsplit(settings.state_url)
    if url.scheme == "file":
        _check_shared(settings)
        return open_store("file", url.path, None)
    root = ObjectStoragePath(settings.state_url, conn_id=settings.state_conn_id)
    return open_store(url.scheme, f"{url.netloc}{url.path}", root.fs)


def _check_shared(settings: ProviderSettings) -> None:
    executors = {name.strip().rpartition(":")[2] for name in conf.get("core", "executor").split(",")}
    if executors <= _LOCAL_EXECUTORS or settings.state_is_shared:
        return
    raise StoreUnusable(
        f"The state store {settings.state_url} is a folder on disk, and with {', '.join(sorted(executors))} the "
        "next task may run on another machine that does not see it. Nothing was sent. Set [marketo_provider] "
        "state_url to s3://bucket/prefix; or, where the folder is on storage that all workers share, "
        "state_is_shared = True."
    )
