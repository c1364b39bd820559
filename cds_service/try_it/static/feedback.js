// Feedback as an EHR sends it: to the endpoint of the service, in the words of CDS Hooks 2.0.
"use strict";

const answer = document.querySelector("[data-feedback]");

async function tell(card, outcome, done) {
  const status = card.querySelector(".told");
  const told = { card: card.dataset.card, outcomeTimestamp: new Date().toISOString(), ...outcome };
  status.textContent = "Sending…";
  try {
    const response = await fetch(answer.dataset.feedback, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ feedback: [told] }),
    });
    if (!response.ok) {
      const problem = await response.json();
      throw new Error(problem.issue[0].diagnostics);
    }
    done();
    status.textContent =
      outcome.outcome === "accepted"
        ? "Accepted. The service has kept that; in an EHR the draft would now be in the chart."
        : "Overridden. The service has kept that, with the reason.";
  } catch (error) {
    status.textContent = `Not kept: ${error.message}`;
  }
}

function listen(card) {
  for (const control of card.querySelectorAll("button, select")) control.disabled = false;
  for (const button of card.querySelectorAll(".accept")) {
    button.addEventListener("click", () => {
      const accepted = { outcome: "accepted", acceptedSuggestions: [{ id: button.dataset.suggestion }] };
      tell(card, accepted, () => {
        button.disabled = true;
      });
    });
  }
  card.querySelector(".override").addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = card.querySelector("select").selectedOptions[0];
    const reason = { code: chosen.value, system: chosen.dataset.system };
    const outcome = { outcome: "overridden", ...(chosen.value ? { overrideReason: { reason } } : {}) };
    tell(card, outcome, () => card.classList.add("overridden"));
  });
}

for (const hint of document.querySelectorAll(".without-script")) hint.remove();
if (answer) for (const card of answer.querySelectorAll("[data-card]")) listen(card);
