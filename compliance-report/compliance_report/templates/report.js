// The page reads well without this: it finds requirements, opens what a link leads to, and opens all for the printer.
"use strict";
const requirements = [...document.querySelectorAll("details.requirement")];
const groups = [...document.querySelectorAll(".group")];
const form = document.querySelector(".filter");
const [words, byStatus, byEffect] = ["words", "by-status", "by-effect"].map((id) => document.getElementById(id));
const texts = new Map();

function text(requirement) {
  if (!texts.has(requirement)) texts.set(requirement, requirement.textContent.toLowerCase());
  return texts.get(requirement);
}

function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const it of requirements) {
    const fits = (!byStatus.value || it.dataset.status === byStatus.value)
      && (!byEffect.value || it.dataset.effect === byEffect.value)
      && wanted.every((word) => text(it).includes(word));
    it.hidden = !fits;
    shown += fits;
  }
  for (const it of groups) it.hidden = !it.querySelector("details.requirement:not([hidden])");
  document.getElementById("shown").textContent = `${shown} of ${requirements.length} requirements`;
}

function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  const hidden = target.closest("[hidden]"); // by the filter
  if (hidden) { form.reset(); filter(); }
  const closed = [];
  for (let it = target.closest("details"); it; it = it.parentElement.closest("details")) if (!it.open) closed.push(it);
  for (const it of closed) it.open = true;
  if (hidden || closed.length) target.scrollIntoView();
  const summary = target.closest("details.requirement")?.querySelector("summary");
  if (summary) summary.focus({ preventScroll: true });
}

form.hidden = false;
filter();
for (const it of [words, byStatus, byEffect]) it.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(filter));
addEventListener("hashchange", follow);
document.addEventListener("click", (event) => {
  if (event.target.closest('a[href^="#"]')) setTimeout(follow); // the same link once more changes no hash
});
follow();
// Older browsers print a closed section closed.
addEventListener("beforeprint", () => {
  for (const it of document.querySelectorAll("details:not([open]):not(.hand)")) { it.open = true; it.dataset.closed = ""; }
});
addEventListener("afterprint", () => {
  for (const it of document.querySelectorAll("[data-closed]")) { it.open = false; delete it.dataset.closed; }
});
