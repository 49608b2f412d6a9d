"use strict";
(function () {
  var form = document.getElementById("filters");
  var list = document.getElementById("answer-list");
  if (form && list) {
    var answers = Array.prototype.slice.call(list.querySelectorAll(".answer"));
    var probe = document.getElementById("filter-probe");
    var counter = document.getElementById("filter-count");
    var more = document.getElementById("more");
    var page = 8;
    var limit = page;
    var show = function () {
      var way = form.elements.way.value;
      var fitting = answers.filter(function (answer) {
        return (!probe.value || answer.dataset.probe === probe.value) && (!way || answer.dataset.way === way);
      });
      answers.forEach(function (answer) { answer.hidden = true; });
      fitting.slice(0, limit).forEach(function (answer) { answer.hidden = false; });
      counter.textContent = Math.min(limit, fitting.length) + " of " + fitting.length + " shown";
      more.hidden = fitting.length <= limit;
    };
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("change", function () { limit = page; show(); });
    more.addEventListener("click", function () { limit += page; show(); });
    if (!answers.some(function (answer) { return answer.dataset.way === "fell"; })) form.elements.way.value = "";
    form.hidden = false;
    show();
  }
})();
