"use strict";
(function () {
  var list = function (found) { return Array.prototype.slice.call(found); };
  list(document.querySelectorAll("figure.frontier")).forEach(function (figure) {
    var tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    tip.setAttribute("aria-hidden", "true");
    figure.appendChild(tip);

    var hide = function () { tip.hidden = true; };
    var show = function (point) {
      tip.textContent = point.getAttribute("aria-label");
      tip.hidden = false;
      var outer = figure.getBoundingClientRect();
      var mark = point.querySelector("circle").getBoundingClientRect();
      var left = mark.right - outer.left + 6;
      if (left + tip.offsetWidth > outer.width) left = mark.left - outer.left - tip.offsetWidth - 6;
      tip.style.left = Math.max(0, Math.min(left, outer.width - tip.offsetWidth)) + "px";
      tip.style.top = Math.max(0, mark.top - outer.top - tip.offsetHeight / 2) + "px";
    };
    var speak = function (one) {
      var title = one.querySelector("title");
      if (!title) return;
      one.setAttribute("aria-label", title.textContent);
      title.remove();
    };

    list(figure.querySelectorAll(".arm")).forEach(function (arm) {
      var points = list(arm.querySelectorAll(".point"));
      points.forEach(function (point, place) {
        speak(point);
        point.setAttribute("role", "img");
        point.setAttribute("tabindex", place ? "-1" : "0");
        point.addEventListener("mouseenter", function () { show(point); });
        point.addEventListener("mouseleave", hide);
        point.addEventListener("focus", function () { show(point); });
        point.addEventListener("blur", hide);
        point.addEventListener("click", function () { show(point); });
        point.addEventListener("keydown", function (event) {
          var step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
          if (event.key === "Escape") hide();
          if (!step) return;
          event.preventDefault();
          var next = points[Math.max(0, Math.min(points.length - 1, place + step))];
          point.setAttribute("tabindex", "-1");
          next.setAttribute("tabindex", "0");
          next.focus();
        });
      });
    });

    list(figure.querySelectorAll(".key")).forEach(function (key) {
      var turn = function () {
        var off = !key.classList.contains("off");
        list(figure.querySelectorAll('[data-arm="' + key.dataset.arm + '"]')).forEach(function (one) {
          one.classList.toggle("off", off);
          if (one.getAttribute("role") === "button") one.setAttribute("aria-pressed", String(!off));
        });
        hide();
      };
      speak(key);
      key.setAttribute("role", "button");
      key.setAttribute("tabindex", "0");
      key.setAttribute("aria-pressed", "true");
      key.addEventListener("click", turn);
      key.addEventListener("keydown", function (event) {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        turn();
      });
    });

    list(figure.querySelectorAll("svg")).forEach(function (svg) { svg.setAttribute("role", "group"); });
    list(figure.querySelectorAll(".hint")).forEach(function (hint) { hint.hidden = false; });
    figure.classList.add("live");
  });
})();
