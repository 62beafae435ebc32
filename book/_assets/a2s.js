// A page opened from disk may not read other pages, so search lists titles without excerpts there.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

document.addEventListener("DOMContentLoaded", () => {
  for (const word of document.querySelectorAll(".tag_solution summary *")) {
    word.textContent = word.textContent.replace(/code cell \w+/, "the solution");
  }
});

// Touch screens hide their scroll bars: mark the boxes that can be scrolled, also for the keyboard.
const markWide = () => {
  const boxes = ".bd-article :is(.a2s-wide, .cell_output, .cell_output > .output, table.table, "
    + "mjx-container[display])";
  for (const box of document.querySelectorAll(boxes)) {
    const wide = box.scrollWidth > box.clientWidth + 1;
    box.classList.toggle("a2s-scrolls", wide);
    if (wide) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
addEventListener("load", () => {
  markWide();
  window.MathJax?.startup?.promise?.then(markWide); // formulae get their width late
});
addEventListener("resize", markWide);
