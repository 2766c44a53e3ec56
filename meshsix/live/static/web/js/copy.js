// Buttons with data-copy="#id" copy the text of that element; they are hidden where the browser cannot.
export function startCopying() {
  if (!navigator.clipboard) return;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    if (!source) return;
    await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
    document.getElementById("announcer").textContent = "Copied";
  });
  document.documentElement.dataset.canCopy = "yes";
}
