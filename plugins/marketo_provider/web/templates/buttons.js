// Runs are asked for by Airflow's own API, with the cookie of whoever looks at the page, and so with his rights.
const UNKNOWN = "Whether a run has begun, the list of the DAG's runs tells.";
const told = document.getElementById("told");
let asking = false;

function tell(words, link) {
  told.replaceChildren(words);
  if (link) told.append(link);
}

function linkToRun(run) {
  const link = document.createElement("a");
  link.href = told.dataset.runs + encodeURIComponent(run);
  link.dataset.airflow = "";
  link.textContent = "look at it in Airflow";
  return link;
}

function refused(status, detail) {
  if (status === 401) return "You are no longer signed in to Airflow. Nothing has begun. Sign in, and open this page again.";
  if (status === 403) return "Airflow says that you may not trigger this DAG. Nothing has begun.";
  if (status >= 500) return `Airflow failed to answer (${status}). ${UNKNOWN}`;
  const reason = typeof detail === "string" ? detail : "it gave no reason";
  return `Airflow refused to begin the run (${status}): ${reason}`;
}

async function ask(button) {
  if (asking) return;
  asking = true;
  tell(`${button.textContent}: Airflow is being asked …`);
  try {
    const answer = await fetch(told.dataset.api, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      credentials: "same-origin",
      body: JSON.stringify({ logical_date: null, conf: JSON.parse(button.dataset.conf), note: button.dataset.note }),
    });
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) tell(`${button.textContent}: the run is queued, `, linkToRun(body.dag_run_id));
    else tell(refused(answer.status, body.detail));
  } catch {
    tell(`Airflow did not answer. ${UNKNOWN}`);
  } finally {
    asking = false;
  }
}

for (const button of document.querySelectorAll("button[data-conf]")) {
  const dialog = document.getElementById(button.getAttribute("aria-controls"));
  button.addEventListener("click", () => (dialog ? dialog.showModal() : ask(button)));
  dialog?.addEventListener("close", () => {
    if (dialog.returnValue === "yes") ask(button);
    dialog.returnValue = "";
  });
}
