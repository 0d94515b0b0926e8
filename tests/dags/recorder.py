"""A notifier that remembers what it was to tell, in the process that runs the DAG."""

from typing import Any, ClassVar

from airflow.sdk import BaseNotifier


class RecordingNotifier(BaseNotifier):
    """Remembers its message, rendered; fails where it is told to."""

    template_fields = ("text",)
    told: ClassVar[list[tuple[str, str]]] = []
    failed: ClassVar[list[str]] = []

    def __init__(
        self, *, who: str, text: str = "{{ notice.subject }}\n{{ notice.text }}", fails: bool = False
    ) -> None:
        super().__init__()
        self.who, self.text, self.fails = who, text, fails

    def notify(self, context: Any) -> None:  # noqa: ARG002 - the base's
        """Remember."""
        if self.fails:
            self.failed.append(self.who)
            raise ConnectionRefusedError(self.text)
        self.told.append((self.who, self.text))
