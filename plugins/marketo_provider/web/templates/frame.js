// Airflow shows this page in a frame that may not leave itself: its own links are followed by the page around it.
// That page also says which of the two colour schemes the user has chosen.
try {
  const around = window.parent.document;
  if (window.parent !== window) {
    const root = around.documentElement;
    const follow = () => {
      document.documentElement.dataset.theme = root.classList.contains("dark") ? "dark" : "light";
    };
    follow();
    new MutationObserver(follow).observe(root, { attributeFilter: ["class"] });
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-airflow]");
      if (!link) return;
      event.preventDefault();
      const outside = around.createElement("a");
      outside.href = link.href;
      if (event.ctrlKey || event.metaKey || event.shiftKey) outside.target = "_blank";
      outside.click();
    });
  }
} catch {
  // Another site has framed the page: it keeps its links to itself, and the browser's own colours.
}
