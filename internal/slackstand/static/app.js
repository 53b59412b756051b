// Keeps the page live: the server says that something changed, the page fetches
// itself again and swaps the parts that differ. Without this script the page can
// still be read, and its forms still post.
(() => {
  "use strict";

  const parts = ["channels", "messages", "thread", "notice"];
  const light = document.getElementById("live");
  let wanted = false;
  let busy = false;

  function swap(html) {
    const next = new DOMParser().parseFromString(html, "text/html");
    for (const id of parts) {
      const now = document.getElementById(id);
      const then = next.getElementById(id);
      if (now && then && now.innerHTML !== then.innerHTML) {
        now.replaceChildren(...then.childNodes);
      }
    }
  }

  async function refresh() {
    wanted = true;
    if (busy) return;
    busy = true;
    while (wanted) {
      wanted = false;
      try {
        const url = new URL(location.href);
        url.searchParams.delete("notice");
        const res = await fetch(url, { cache: "no-store" });
        if (!res.ok) break;
        if (!document.getElementById("notice")) {
          // There was no channel before: take the whole page.
          if (new URL(res.url).pathname !== location.pathname) location.replace("/");
        }
        swap(await res.text());
      } catch {
        break;
      }
    }
    busy = false;
  }

  function listen() {
    let lost = false;
    const source = new EventSource("/live");
    source.addEventListener("hello", () => {
      light.dataset.state = "live";
      if (lost) refresh();
      lost = false;
    });
    source.addEventListener("change", refresh);
    source.addEventListener("error", () => {
      light.dataset.state = "lost";
      lost = true;
    });
  }

  for (const form of document.querySelectorAll("form.compose")) {
    const box = form.querySelector("textarea");
    const fit = () => {
      box.rows = Math.min(8, box.value.split("\n").length);
    };
    box.addEventListener("input", fit);
    box.addEventListener("keydown", (e) => {
      if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
        e.preventDefault();
        form.requestSubmit();
      }
    });
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      const body = new URLSearchParams(new FormData(form));
      const draft = box.value;
      box.value = "";
      fit();
      try {
        const res = await fetch(form.action, { method: "POST", body });
        if (!res.ok) throw new Error(res.statusText);
        swap(await res.text());
      } catch {
        box.value = draft;
        fit();
      }
    });
  }

  if (location.hash) document.getElementById(location.hash.slice(1))?.classList.add("linked");
  listen();
})();
