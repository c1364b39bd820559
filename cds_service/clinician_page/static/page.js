// The page works without this; it only offers to print.
"use strict";
const main = document.getElementById("content");
if (main) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "print screen-only";
  button.textContent = "Print";
  button.addEventListener("click", () => window.print());
  document.querySelector("header")?.append(button);
}
