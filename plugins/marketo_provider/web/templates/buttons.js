// Runs are asked for by Airflow's own API, with the cookie of whoever looks at the page, and so with his rights.
const UNKNOWN = "Whether a run has begun, the list of the DAG's runs tells.";
const buttons = document.querySelectorAll("button[data-conf]");

function hold(held) {
  for (const button of buttons) button.disabled = held;
}

function refused(status, detail) {
  if (status === 401) return "You are no longer signed in to Airflow. Nothing has begun. Sign in, and open this page again.";
  if (status === 403) return "Airflow says that you may not trigger this DAG. Nothing has begun.";
  if (status >= 500) return `Airflow failed to answer (${status}). ${UNKNOWN}`;
  const reason = typeof detail === "string" ? detail : "it gave no reason";
  return `Airflow refused to begin the run (${status}): ${reason}`;
}

async function begin(conf, note) {
  try {
    const answer = await fetch(told.dataset.api, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      credentials: "same-origin",
      body: JSON.stringify({ logical_date: null, conf, note }),
    });
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) return body.dag_run_id;
    tell(refused(answer.status, body.detail));
  } catch {
    tell(`Airflow did not answer. ${UNKNOWN}`);
  }
  return null;
}

async function ask(button) {
  const label = button.textContent;
  const conf = JSON.parse(button.dataset.conf);
  hold(true);
  tell(`${label}: Airflow is being asked …`);
  const run = await begin(conf, button.dataset.note);
  if (run && !(await watch(label, run, conf.dry_run === true))) return;
  hold(false);
  if (document.activeElement === document.body) button.focus();
}

for (const button of buttons) {
  const dialog = document.getElementById(button.getAttribute("aria-controls"));
  button.addEventListener("click", () => (dialog ? dialog.showModal() : ask(button)));
  dialog?.addEventListener("close", () => {
    if (dialog.returnValue === "yes") ask(button);
    dialog.returnValue = "";
  });
}
// Firefox would keep them held when the page is loaded anew.
hold(false);
