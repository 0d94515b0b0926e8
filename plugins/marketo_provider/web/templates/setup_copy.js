// Without a script the text can be marked and copied by hand; outside HTTPS a browser offers no clipboard either.
const copy = document.getElementById("copy");
const yaml = document.getElementById("yaml");
const copied = document.getElementById("copied");
copy.hidden = false;
copy.addEventListener("click", async () => {
  getSelection().selectAllChildren(yaml);
  try {
    await navigator.clipboard.writeText(yaml.textContent);
    copied.textContent = "Copied.";
  } catch {
    copied.textContent = document.execCommand("copy") ? "Copied." : "Marked: press Ctrl+C to copy.";
  }
});
