"""The forms of a page, as a browser without scripts fills them in and sends them."""

from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

from fastapi.testclient import TestClient
from httpx import Response


class Form(HTMLParser):
    """The one form of a page: where it goes, what stands in it, and what may be chosen."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.method = "get"
        self.values: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self.labelled: set[str] = set()
        self.ids: dict[str, str] = {}
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag."""
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            self.action, self.method = given["action"], given.get("method", "get")
        if tag == "label":
            self.labelled.add(given["for"])
        if tag in {"input", "select"} and given.get("type") != "hidden":
            self.ids[given["id"]] = name
        if tag == "select":
            self._select = name
        if tag == "option" and "value" in given:
            self.choices.setdefault(self._select, []).append(given["value"])
        if tag != "input":
            return
        if given.get("type") in {"radio", "checkbox"}:
            self.choices.setdefault(name, []).append(given["value"])
        if given.get("type") not in {"radio", "checkbox"} or "checked" in given:
            self.values[name] = given.get("value", "")


def send(client: TestClient, page: Response, cookie: dict[str, str], **filled: str) -> Response:
    """Fill the page's form in and send it."""
    form = Form(page.text)
    values = form.values | filled
    url = urljoin(str(page.url), form.action)
    answer: Response
    if form.method == "get":
        answer = client.get(f"{url}?{urlencode(values)}", headers=cookie)
        return answer
    answer = client.post(url, data=values, headers=cookie, follow_redirects=False)
    if answer.is_redirect:
        answer = client.get(urljoin(url, answer.headers["location"]), headers=cookie)
    return answer
