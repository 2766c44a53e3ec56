// Shows a chosen theme at once; the server keeps it in a cookie and writes it into the next page.
export function startTheme() {
  for (const form of document.querySelectorAll("[data-theme-form]")) {
    form.addEventListener("change", (event) => {
      document.documentElement.dataset.theme = event.target.value;
    });
  }
}
