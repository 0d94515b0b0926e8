// How a run stands, asked of Airflow's own API until it has ended; then the page shows what has come of it.
const EVERY_MS = 3000;
const UNDER_WAY = { queued: "the run is queued", running: "the run is running" };
const told = document.getElementById("told");

function tell(words, link) {
  told.replaceChildren(words);
  if (link) told.append(", ", link);
}

// The link stays where it is, so that it keeps the focus.
function tellAnew(words) {
  if (told.firstChild.data !== words) told.firstChild.data = words;
}

function linkToRun(run) {
  const link = document.createElement("a");
  link.href = told.dataset.runs + encodeURIComponent(run);
  link.dataset.airflow = "";
  link.textContent = "look at it in Airflow";
  return link;
}

async function get(path) {
  try {
    const answer = await fetch(`${told.dataset.api}/${path}`, {
      headers: { Accept: "application/json" },
      credentials: "same-origin",
    });
    return { status: answer.status, body: answer.ok ? await answer.json() : null };
  } catch {
    return { status: 0, body: null };
  }
}

function counted(count, one) {
  return `${count.toLocaleString("en-GB")} ${count === 1 ? one : `${one}s`}`;
}

function inWords(report) {
  const at = new Date(report.started_at).toISOString().slice(11, 16);
  const [entered, exited] = [report.entered, report.exited].map((count) => count.toLocaleString("en-GB"));
  const [calls, leads] = [counted(report.planned_calls, "call"), counted(report.new_leads_estimate, "new lead")];
  return `Dry run of ${at} UTC: ${entered} would enter, ${exited} leave; ${calls}; about ${leads}. Nothing was sent`;
}

async function tellDryRun(run) {
  const task = `${encodeURIComponent(run)}/taskInstances/${encodeURIComponent(told.dataset.task)}`;
  const report = (await get(`${task}/xcomEntries/return_value`)).body?.value;
  // Not so where a task is mapped, or XComs are kept elsewhere or hidden from the user.
  const known = Number.isInteger(report?.planned_calls) && Number.isInteger(report?.new_leads_estimate);
  tell(known ? inWords(report) : "The dry run has ended. Its log has the figures", linkToRun(run));
}

// Returns whether another run may be asked for on this page.
async function watch(label, run, dry) {
  tell(`${label}: the run is queued`, linkToRun(run));
  for (;;) {
    const { status, body } = await get(encodeURIComponent(run));
    if (body?.state === "success" && dry) {
      await tellDryRun(run);
      return true;
    }
    if (body?.state === "success" || body?.state === "failed") {
      tellAnew(`${label}: the run has ended`);
      location.reload();
      return false;
    }
    if (status >= 400 && status < 500) {
      tellAnew(`${label}: Airflow refuses to tell how the run stands (${status})`);
      return false;
    }
    tellAnew(`${label}: ${UNDER_WAY[body?.state] ?? "Airflow does not answer, and is asked again"}`);
    await new Promise((over) => setTimeout(over, EVERY_MS));
  }
}
