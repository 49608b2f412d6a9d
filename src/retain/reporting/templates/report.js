"use strict";
(function () {
  var form = document.getElementById("filters");
  var island = document.getElementById("answer-data");
  if (!form || !island) return;
  var PAGE = 12, LONGEST_COMPARED = 700, LEAST_ALIKE = 0.2;
  var PROBE = 0, ID = 1, PROMPT = 2, EXPECTED = 3, BASE = 4, TUNED = 5, BEFORE = 6, AFTER = 7, CHANGE = 8, LENGTHS = 9;
  var WAYS = ["lost", "won", "unchanged"];
  var data = JSON.parse(island.textContent);
  island.remove();
  var probes = data.probes, items = data.items;
  var list = document.getElementById("answer-list");
  var more = document.getElementById("more");
  var counter = document.getElementById("filter-count");
  var search = document.getElementById("filter-text");
  var probe = document.getElementById("filter-probe");
  var order = document.getElementById("filter-order");
  var fitting = [], shown = 0;

  var way = function (item) { return item[CHANGE] < 0 ? "lost" : item[CHANGE] > 0 ? "won" : "unchanged"; };
  var tunedText = function (item) { return item[TUNED] === null ? item[BASE] : item[TUNED]; };
  var number = function (value) { return value.toLocaleString("en"); };
  var score = function (value) { return value === null ? "n/a" : value.toFixed(2).replace("-", "\u2212"); };

  var ORDERS = {
    fall: null,
    rise: function (a, b) { return b[CHANGE] - a[CHANGE]; },
    long: function (a, b) { return tunedText(b).length - tunedText(a).length; },
    prompt: function (a, b) { return a[PROMPT] < b[PROMPT] ? -1 : a[PROMPT] > b[PROMPT] ? 1 : 0; }
  };

  /* Which of the parts two texts have in common, in their order: the longest common subsequence. */
  var parts = function (text) { return text.match(/\s+|[\p{L}\p{N}_'\u2019-]+|[^]/gu) || []; };
  var common = function (a, b) {
    var wide = b.length + 1, best = new Uint16Array((a.length + 1) * wide), i, j;
    for (i = a.length - 1; i >= 0; i--) {
      for (j = b.length - 1; j >= 0; j--) {
        best[i * wide + j] = a[i] === b[j] ? best[(i + 1) * wide + j + 1] + 1
          : Math.max(best[(i + 1) * wide + j], best[i * wide + j + 1]);
      }
    }
    var kept = [new Set(), new Set()], words = 0;
    for (i = 0, j = 0; i < a.length && j < b.length;) {
      if (a[i] === b[j]) { kept[0].add(i); kept[1].add(j); if (a[i].trim()) words++; i++; j++; }
      else if (best[(i + 1) * wide + j] >= best[i * wide + j + 1]) i++;
      else j++;
    }
    return { kept: kept, words: words };
  };
  var fill = function (place, all, kept) {
    var run = "", marked = false;
    var end = function () {
      if (!run) return;
      var node = document.createTextNode(run);
      if (marked && run.trim()) { var mark = document.createElement("mark"); mark.appendChild(node); node = mark; }
      place.appendChild(node);
      run = "";
    };
    all.forEach(function (part, at) {
      if (marked === kept.has(at)) { end(); marked = !kept.has(at); }
      run += part;
    });
    end();
  };
  var markDifferences = function (basePlace, tunedPlace, base, tuned) {
    var a = parts(base), b = parts(tuned);
    var real = function (all) { return all.filter(function (part) { return part.trim(); }).length; };
    if (base !== tuned && Math.max(a.length, b.length) <= LONGEST_COMPARED) {
      var same = common(a, b);
      if (same.words >= LEAST_ALIKE * Math.max(real(a), real(b))) {
        fill(basePlace, a, same.kept[0]);
        fill(tunedPlace, b, same.kept[1]);
        return;
      }
    }
    basePlace.textContent = base || "(nothing)";
    tunedPlace.textContent = tuned || "(nothing)";
  };

  var length = function (tokens, cut) {
    if (tokens === null) return "";
    return number(tokens) + (tokens === 1 ? " token" : " tokens") + (cut ? ", cut off at the limit" : "");
  };
  var card = function (item) {
    var made = document.getElementById("answer-" + way(item)).content.cloneNode(true);
    var at = function (name) { return made.querySelector('[data-at="' + name + '"]'); };
    at("capability").textContent = probes[item[PROBE]][1];
    at("scores").textContent = score(item[BEFORE]) + " \u2192 " + score(item[AFTER]);
    at("prompt").textContent = item[PROMPT];
    if (item[EXPECTED]) at("reference").textContent = item[EXPECTED];
    else at("expected").remove();
    markDifferences(at("base"), at("tuned"), item[BASE], tunedText(item));
    at("base-length").textContent = length(item[LENGTHS], item[LENGTHS + 1]);
    at("tuned-length").textContent = length(item[LENGTHS + 2], item[LENGTHS + 3]);
    at("item").textContent = item[ID];
    return made;
  };

  var add = function () {
    var next = document.createDocumentFragment();
    fitting.slice(shown, shown + PAGE).forEach(function (item) { next.appendChild(card(item)); });
    shown = Math.min(fitting.length, shown + PAGE);
    list.appendChild(next);
    counter.textContent = fitting.length ? number(shown) + " of " + number(fitting.length) + " shown" : "No item fits.";
    more.hidden = shown === fitting.length;
    more.textContent = "Show " + Math.min(PAGE, fitting.length - shown) + " more";
  };
  var show = function () {
    var wanted = form.elements.way.value, from = probe.value, words = search.value.toLowerCase().trim();
    var counts = { lost: 0, won: 0, unchanged: 0 };
    fitting = items.filter(function (item) {
      if (from !== "" && String(item[PROBE]) !== from) return false;
      if (words && item.slice(ID, TUNED + 1).join("\n").toLowerCase().indexOf(words) < 0) return false;
      var its = way(item);
      counts[its]++;
      return !wanted || its === wanted;
    });
    if (ORDERS[order.value]) fitting.sort(ORDERS[order.value]);
    WAYS.forEach(function (one) {
      form.querySelector('[data-count="' + one + '"]').textContent = number(counts[one]);
    });
    list.textContent = "";
    shown = 0;
    add();
  };

  probes.forEach(function (one, at) {
    var option = document.createElement("option");
    var name = one[0] === one[1] ? one[1] : one[1] + " (" + one[0] + ")";
    option.value = String(at);
    option.textContent = one[2] ? name + ", learned" : name;
    probe.appendChild(option);
  });
  var first = WAYS.find(function (one) { return items.some(function (item) { return way(item) === one; }); });
  form.elements.way.value = first === "unchanged" ? "" : first;
  var typing = 0;
  search.addEventListener("input", function () {
    clearTimeout(typing);
    typing = setTimeout(show, 150);
  });
  form.addEventListener("submit", function (event) { event.preventDefault(); show(); });
  form.addEventListener("change", function (event) { if (event.target !== search) show(); });
  more.addEventListener("click", function () {
    var before = list.children.length;
    add();
    var next = list.children[before];
    if (next) { next.tabIndex = -1; next.focus({ preventScroll: true }); }
  });
  form.hidden = false;
  show();
})();
