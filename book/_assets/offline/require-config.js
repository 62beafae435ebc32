// Modules that widgets ask for (anywidget, the manager's icon fonts) lie beside this file, so the
// module loader must start looking here and never on a content delivery network.
requirejs.config({ baseUrl: new URL(".", document.currentScript.src).href });

// The widget library typesets labels with the MathJax 2 call `Hub.Queue`; the site has MathJax 3.
window.addEventListener("load", () => {
  if (!window.MathJax || window.MathJax.Hub) return;
  window.MathJax.Hub = {
    Queue(job) {
      const element = Array.isArray(job) ? job[2] : null;
      if (element && window.MathJax.typesetPromise) window.MathJax.typesetPromise([element]);
    },
  };
});
