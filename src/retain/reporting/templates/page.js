"use strict";
(function () {
  var list = function (found) { return Array.prototype.slice.call(found); };

  var root = document.documentElement;
  var button = document.getElementById("theme");
  var likesDark = window.matchMedia("(prefers-color-scheme: dark)");
  var kept = function (value) {
    try {
      if (value) window.localStorage.setItem("retain-theme", value);
      return window.localStorage.getItem("retain-theme");
    } catch (refused) { return null; }
  };
  var isDark = function () { return root.dataset.theme ? root.dataset.theme === "dark" : likesDark.matches; };
  var name = function () { button.querySelector("span").textContent = isDark() ? "Light theme" : "Dark theme"; };
  var before = kept();
  if (before === "dark" || before === "light") root.dataset.theme = before;
  if (button) {
    button.addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      kept(root.dataset.theme);
      name();
    });
    likesDark.addEventListener("change", name);
    name();
    button.hidden = false;
  }

  var links = list(document.querySelectorAll("nav a"));
  if (links.length && "IntersectionObserver" in window) {
    var inView = new Set();
    var watch = new IntersectionObserver(function (changed) {
      changed.forEach(function (one) { inView[one.isIntersecting ? "add" : "delete"](one.target.id); });
      var first = links.find(function (link) { return inView.has(link.hash.slice(1)); });
      if (!first) return;
      links.forEach(function (link) {
        if (link === first) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      });
    }, { rootMargin: "0px 0px -55% 0px" });
    links.forEach(function (link) {
      var section = document.getElementById(link.hash.slice(1));
      if (section) watch.observe(section);
    });
  }

  window.addEventListener("beforeprint", function () {
    list(document.querySelectorAll("details")).forEach(function (one) { one.open = true; });
  });
})();
