"""A served model, against a scripted server on loopback."""

import itertools
import json
import math
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from scripted_server import LISTED, ScriptedServer, serving

from retain.commands.compare import compare
from retain.commands.measure import measure
from retain.comparison.comparable import OURS
from retain.errors import BrokenError, CannotMeasureError, UserError
from retain.folder import cache_folder
from retain.models import endpoint, http_client
from retain.models.address import api_key, is_endpoint, parse_address
from retain.models.base import CausalModel, Limits, Message, Request
from retain.models.endpoint import EndpointModel, open_endpoint
from retain.models.http_client import JsonClient
from retain.probes.suites import load_suite
from retain.progress import Progress
from retain.stages.measuring import measure_endpoint

QUIET = Progress(quiet=True)
SAY = Limits(max_tokens=6)
QUESTION = (Message(role="user", content="what is the colour of the sky ?"),)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in ("RETAIN_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def script(toy):
    return ScriptedServer(toy)


@pytest.fixture
def url(script):
    with serving(script) as url:
        yield url


@pytest.fixture
def served(url):
    """The toy behind the server, with a client that gives up quickly."""
    return EndpointModel(JsonClient(url, timeout=0.4, attempts=4, pause=0.01), "toy", LISTED)


def said(text="blue", reason="stop", **message):
    return lambda prompt, body: {"message": {"content": text, **message}, "text": text, "finish_reason": reason}


# The address


@pytest.mark.parametrize(
    ("spec", "url", "model"),
    [
        ("http://127.0.0.1:8080/v1#my/model", "http://127.0.0.1:8080/v1", "my/model"),
        ("HTTPS://Host.example/v1/", "https://host.example/v1", None),
        ("http://[::1]:80/v1#a%23b", "http://[::1]:80/v1", "a#b"),
    ],
)
def test_an_address_names_a_server_and_a_model(spec, url, model):
    found = parse_address(spec)
    assert is_endpoint(spec)
    assert (found.url, found.model) == (url, model)


@pytest.mark.parametrize("spec", ["http://me:secret@host/v1", "https://host/v1?api_key=secret"])
def test_an_address_with_a_secret_is_refused_and_not_shown(spec, capsys):
    with pytest.raises(UserError, match="RETAIN_API_KEY") as error:
        measure(spec)
    assert "secret" not in str(error.value) + "".join(capsys.readouterr())


@pytest.mark.parametrize("spec", ["http://", "http://host:port/v1", "http://host/v 1"])
def test_what_is_no_address_is_refused(spec):
    with pytest.raises(UserError, match=r"http://127.0.0.1:8080/v1#model"):
        parse_address(spec)


def test_keys_of_other_programs_are_not_sent_in_the_clear(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    assert [api_key(url) for url in ("http://host/v1", "https://host/v1", "http://localhost:1/v1")] == [
        None,
        "sk-1",
        "sk-1",
    ]
    monkeypatch.setenv("RETAIN_API_KEY", "mine\n")
    assert api_key("http://host/v1") == "mine"
    monkeypatch.setenv("RETAIN_API_KEY", "mine\nother")
    with pytest.raises(UserError, match="RETAIN_API_KEY holds characters") as error:
        api_key("http://host/v1")
    assert "mine" not in str(error.value)


# Opening


def test_the_only_model_needs_no_name(url, script):
    assert open_endpoint(url).name == f"{url}#toy"
    script.models = [LISTED, {"id": "other"}]
    with pytest.raises(UserError, match=f"several models; name one as {url}#MODEL: other, toy"):
        open_endpoint(url)
    assert open_endpoint(f"{url}#other").name == f"{url}#other"


def test_a_model_that_is_not_there_is_refused_with_the_nearest(url, script):
    with pytest.raises(UserError, match='no model "toi"; did you mean "toy"'):
        open_endpoint(f"{url}#toi")
    script.models = []
    with pytest.raises(UserError, match="lists no model"):
        open_endpoint(url)


def test_ollamas_tag_and_llama_cpps_aliases_are_names(url, script):
    script.models = [{"id": "llama3:latest"}, {"id": "/models/x.gguf", "aliases": ["x"]}]
    assert open_endpoint(f"{url}#llama3").name == f"{url}#llama3:latest"
    for name in ("x", "x.gguf", "/models/x.gguf"):
        assert open_endpoint(f"{url}#{name}").name == f"{url}#x.gguf"


def test_no_server_is_said_at_once():
    with serving(ScriptedServer()) as gone:
        pass
    begun = time.monotonic()
    with pytest.raises(UserError, match=f"No server answers at {gone}"):
        open_endpoint(gone)
    assert time.monotonic() - begun < 1


def test_a_wrong_path_says_what_to_do(url):
    with pytest.raises(UserError, match=r"v2/models is not there \(HTTP 404\): not found. The address usually ends"):
        open_endpoint(url.replace("/v1", "/v2"))


def test_it_is_a_causal_model(served):
    assert isinstance(served, CausalModel)
    with served.as_base():
        assert served.chat
    served._listed = {"max_model_len": 512}
    assert served.context_length == 512


# Writing


def test_it_writes_what_the_model_behind_it_writes(served, toy, script):
    prompts = [(Message(role="user", content=f"say {word} please"),) for word in "one two three a b c d e".split()]
    assert served.generate(prompts, SAY) == toy.generate(prompts, SAY)
    raw = ["say one", "tell me about"]
    assert served.generate(raw, SAY) == toy.generate(raw, SAY)
    body = script.asked("/v1/chat/completions")[-1]
    assert (body["temperature"], body["seed"], body["max_tokens"], body["model"]) == (0.0, 0, 6, "toy")


def test_stop_strings_end_an_answer_even_where_the_server_passes_over_them(served, script):
    script.answer = said("blue\nQuestion: more", "length")
    (answer,) = served.generate([QUESTION], Limits(stop=("\nQuestion",)))
    assert (answer.text, answer.stopped) == ("blue", True)
    assert script.asked("/v1/chat/completions")[-1]["stop"] == ["\nQuestion"]


def test_the_reason_of_the_end_tells_whether_the_model_ended(served, script):
    script.answer = said("blue", "length")
    assert not served.generate([QUESTION], SAY)[0].stopped
    script.answer = said("blue", "stop")
    assert served.generate([QUESTION], Limits(max_tokens=7))[0].stopped


def test_a_model_that_only_reasoned_has_said_nothing(served, script):
    script.answer = said(None, "length", reasoning_content="Let me think")
    assert served.generate([QUESTION], SAY)[0].text == ""


def test_half_a_surrogate_can_be_written_down(served, script):
    script.answer = said("blue \ud83d")
    assert served.generate([QUESTION], SAY)[0].text == "blue ?"


def test_lengths_are_estimated_and_it_is_said(served, script):
    script.usage, script.answer = False, said("blue" * 5)
    assert served.generate([QUESTION], SAY)[0].tokens == 5
    assert "a token per 4 bytes is assumed" in served.finish()[0]


def test_a_server_without_a_chat_template_gets_raw_text(served, script, toy):
    script.has_chat = False
    assert not served.chat
    assert served.tokenizer is None
    assert len(served.fingerprint) == 24
    assert served.generate(["say one"], SAY) == toy.generate(["say one"], SAY)


def test_a_server_without_raw_text_says_so(served, script):
    script.has_completions = False
    with pytest.raises(CannotMeasureError, match=r"needs raw text to be continued: .*HTTP 404"):
        served.generate(["say one"], SAY)


def test_another_kind_of_server_is_refused(served, script):
    script.answer = lambda prompt, body: {"delta": 3}
    with pytest.raises(UserError, match="does not answer like an OpenAI-compatible server: found the keys"):
        served.generate([QUESTION], SAY)


def test_a_prompt_that_is_too_long_is_no_crash(served):
    with pytest.raises(
        CannotMeasureError, match=r"maximum context length is 128 tokens. Start the server with a longer"
    ):
        served.generate([(Message(role="user", content="say " * 200),)], SAY)


def test_a_bounded_number_of_requests_is_on_its_way(url, script):
    script.answer, script.slow = said(), 0.05
    served = EndpointModel(JsonClient(url), "toy", LISTED, workers=3)
    prompts = [(Message(role="user", content=f"say {number}"),) for number in range(12)]
    shown = []
    served.doing, served.progress = "say", lambda *values: shown.append(values)
    assert len(served.generate(prompts, SAY)) == 12
    assert script.most_at_once == 3
    assert shown == [("say: writing", done, 12) for done in range(1, 13)]


def test_the_same_question_is_asked_once(served, script):
    script.answer = said()
    before = len(script.asked("/v1/chat/completions"))
    served.generate([QUESTION], SAY)
    first = len(script.asked("/v1/chat/completions"))
    assert len(served.generate([QUESTION, QUESTION], Limits(max_tokens=9))) == 2
    assert len(script.asked("/v1/chat/completions")) == first + 1 > before


# Trouble


@pytest.mark.parametrize("trouble", [429, 500, 503, "hang", "cut", "garbage", "half"])
def test_trouble_that_passes_is_waited_for(served, script, trouble):
    script.answer = said("blue")
    assert len(served.fingerprint) == 24
    script.troubles = [trouble, trouble]
    assert served.generate([QUESTION], SAY)[0].text == "blue"
    assert script.troubles == []


def test_trouble_that_stays_keeps_what_was_answered(served, script):
    script.answer = said("blue")
    served.generate([QUESTION], SAY)
    script.troubles = [(502, "no upstream")] * 50
    with pytest.raises(BrokenError, match=r"attempts: 4\): HTTP 502: no upstream\n  1 answers are kept"):
        served.generate([(Message(role="user", content="say one"),)], SAY)
    assert len(script.troubles) == 46


def test_a_server_that_says_when_is_asked_again_then(served, script, monkeypatch):
    waited = []
    monkeypatch.setattr(served._client._stopped, "wait", waited.append)
    script.answer = said("blue")
    assert served.chat
    script.troubles = [(429, {"Retry-After": "7"}), (503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), 500]
    served.fingerprint  # noqa: B018
    assert waited[0] == 7
    assert 0.01 <= waited[1] <= 0.03
    assert 0.02 <= waited[2] <= 0.06


def test_pauses_grow_and_have_a_limit():
    client = JsonClient("http://127.0.0.1:1/v1", pause=1.0)
    assert all(0.5 <= client._wait(1, 0) <= 1.5 for _ in range(50))
    assert all(30 <= client._wait(20, 0) <= 90 for _ in range(50))
    assert client._wait(1, 1e9) == 300


def test_a_wrong_key_is_refused_and_never_shown(url, script, monkeypatch):
    script.key = "right"
    with pytest.raises(UserError, match=r"wants a key \(HTTP 401\).*RETAIN_API_KEY"):
        open_endpoint(url)
    monkeypatch.setenv("RETAIN_API_KEY", "sk-wrong")
    with pytest.raises(UserError, match=r"does not accept the key \(HTTP 401\): wrong key Bearer \*\*\*") as error:
        open_endpoint(url)
    assert "sk-wrong" not in str(error.value)
    monkeypatch.setenv("RETAIN_API_KEY", "right")
    assert open_endpoint(url).chat


def test_a_redirect_is_not_followed(served, script):
    script.troubles = [(307, {"Location": "http://127.0.0.1:9/v1"})] * 2
    with pytest.raises(UserError, match="sends us elsewhere"):
        served._client.post("/chat/completions", {})


def test_an_answer_without_end_is_refused(served, script, monkeypatch):
    monkeypatch.setattr(http_client, "MAX_BYTES", 2**20)
    script.troubles = ["huge"]
    with pytest.raises(UserError, match="answered with more than 1 MB"):
        served._client.post("/chat/completions", {})


def test_the_environments_proxy_is_not_asked_for_this_machine(url, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert open_endpoint(url).name


# Likelihood

WORDS = "one two three a b".split()
REQUESTS = [
    Request(context=f"what is {x}", continuation=f" {y} red") for x, y in itertools.product(WORDS, ("blue", "green"))
]


@pytest.mark.parametrize("scoring", ["echo", "echo with BOS", "prompt_logprobs"])
def test_likelihoods_are_those_of_the_model_behind_it(served, toy, script, scoring):
    script.scoring = scoring
    requests = [Request(context=f"<|start|> {one.context}", continuation=one.continuation) for one in REQUESTS]
    expected = toy.loglikelihood(REQUESTS if scoring == "echo" else requests)
    for found, wanted in zip(served.loglikelihood(REQUESTS), expected, strict=True):
        assert found.logprob == pytest.approx(wanted.logprob, abs=1e-4)
        assert (found.tokens, found.greedy) == (wanted.tokens, wanted.greedy)


def test_white_space_at_the_boundary_belongs_to_the_continuation(served, toy, script):
    script.scoring = "echo"
    request = Request(context="what is one ", continuation="blue red")
    assert served.loglikelihood([request])[0].logprob == pytest.approx(
        toy.loglikelihood([request])[0].logprob, abs=1e-4
    )


def test_a_text_is_scored_from_its_start_where_a_token_stands_before_it(served, toy, script):
    script.scoring = "echo with BOS"
    request = Request(context="", continuation="what is the colour of")
    (found,), (wanted,) = served.loglikelihood([request]), toy.loglikelihood([request])
    assert found.logprob == pytest.approx(wanted.logprob, abs=1e-4)
    assert found.tokens == wanted.tokens == 5


def test_a_first_token_that_is_not_scored_is_not_passed_over(served, script):
    script.scoring = "echo"
    with pytest.raises(CannotMeasureError, match="how likely the first token of a text is"):
        served.loglikelihood([Request(context="", continuation="what is the")])


@pytest.mark.parametrize("scoring", ["echo", "echo with BOS"])
def test_tokens_that_show_no_text_are_counted(served, toy, script, scoring):
    script.scoring, script.shown_broken = scoring, True
    requests = [Request(context="wörd is", continuation=" blue réd"), Request(context="what is", continuation=" blüe")]
    start = "" if scoring == "echo" else "<|start|> "
    expected = toy.loglikelihood([one.model_copy(update={"context": start + one.context}) for one in requests])
    for found, wanted in zip(served.loglikelihood(requests), expected, strict=True):
        assert (found.tokens, found.logprob) == (wanted.tokens, pytest.approx(wanted.logprob, abs=1e-4))


def test_a_request_that_is_too_long_has_no_likelihood(served, script):
    script.scoring = "echo"
    found = served.loglikelihood([Request(context="one " * 200, continuation=" two"), REQUESTS[0]])
    assert found[0] is None
    assert math.isfinite(found[1].logprob)


def test_a_server_that_passes_over_echo_has_no_likelihoods(served, script):
    """As llama.cpp does: its answer holds log-probabilities, but of the written token."""

    def answer(prompt, body):
        legacy = {"tokens": [" blue"], "token_logprobs": [-0.1], "top_logprobs": [{" blue": -0.1}]}
        return {**said()(prompt, body), "logprobs": legacy}

    script.answer = answer
    with pytest.raises(CannotMeasureError, match="returns no log-probabilities of a prompt"):
        served.loglikelihood(REQUESTS)


# Measuring


def test_a_measurement_is_the_local_models(url, script, toy_folder, toy_suite, tmp_path):
    script.scoring = "echo"
    found = measure(url, str(toy_suite), output=tmp_path / "served.json", progress=QUIET)
    local = measure(str(toy_folder), str(toy_suite), "fp32", progress=QUIET)
    assert found.name == f"{url}#toy"
    assert (found.not_measured, found.notes) == ({}, [])
    for mine, theirs in zip(found.measurements, local.measurements, strict=True):
        assert mine.scores == theirs.scores
        assert mine.responses == theirs.responses
        told = {key: value for key, value in theirs.settings.items() if key not in OURS}
        assert mine.settings == {**told, "precision": "endpoint"}
    record = compare(str(toy_folder), str(tmp_path / "served.json"), str(toy_suite), "fp32", progress=QUIET)
    (note,) = (note for note in record.comparison.notes if "a server answered" in note)
    assert note.startswith('"say", "choose": ')
    assert [change.delta for change in record.comparison.losses] == [0, 0]


def test_a_probe_that_cannot_be_measured_is_said_and_the_others_are(url, toy_suite, toy_folder, tmp_path):
    found = measure(url, str(toy_suite), progress=QUIET)
    assert [one.probe for one in found.measurements] == ["say"]
    assert found.not_measured == {"choose": "the server returns no log-probabilities of a prompt"}
    record = compare(url, str(toy_folder), str(toy_suite), "fp32", folder=tmp_path / "report", progress=QUIET)
    remark = f'"choose" was not measured on {url}#toy: the server returns no log-probabilities of a prompt'
    assert remark in record.comparison.notes
    assert "was not measured on" in (tmp_path / "report" / "report.md").read_text()


def test_no_probe_at_all_is_an_error(url, tmp_path, toy_suite):
    (tmp_path / "only").mkdir()
    (toy_suite.parent / "choose.jsonl").rename(tmp_path / "only" / "choose.jsonl")
    with pytest.raises(UserError, match=r"cannot be measured with any of these probes:\n  - choose: the server"):
        measure(url, str(tmp_path / "only"), progress=QUIET)


def test_the_template_as_text_is_not_guessed(url, tmp_path):
    rows = [{"prompt": f"say {x} {y}", "answer": x} for x, y in itertools.permutations("one two a b c d e".split(), 2)]
    (tmp_path / "say.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    kinds = ("reference_likelihood", "answers")
    entries = [f"- {{kind: {kind}, name: {kind}, capability: saying, items: say.jsonl}}" for kind in kinds]
    (tmp_path / "suite.yaml").write_text("\n".join(["probes:", *entries]))
    found = measure(url, str(tmp_path / "suite.yaml"), progress=QUIET)
    assert found.not_measured == {
        "reference_likelihood": "it needs the chat template as text, which a server does not give"
    }


def test_an_interrupted_measurement_goes_on(url, script, toy_suite, monkeypatch):
    real = endpoint.JsonClient
    monkeypatch.setattr(endpoint, "JsonClient", lambda *given: real(*given, timeout=1, attempts=2, pause=0.01))
    suite, fixed = str(toy_suite), 1 + len(endpoint.CANARIES)
    expected = measure(url, suite, progress=QUIET)
    items = len(expected.measurements[0].scores)
    assert list((cache_folder() / "endpoints").iterdir()) == []
    script.requests.clear()
    script.dies_after = fixed + 10
    with pytest.raises(BrokenError, match=r"\d+ answers are kept: run the same command again") as error:
        measure(url, suite, progress=QUIET)
    kept = int(re.search(r"(\d+) answers", str(error.value))[1])
    assert 3 <= kept <= 10
    while script.at_once:  # the requests that were on their way beside the one that failed
        time.sleep(0.05)
    script.dies_after = None
    (log,) = (cache_folder() / "endpoints").rglob("*.jsonl")
    with log.open("ab") as file:
        file.write(b'{"key": "torn')
    script.requests.clear()
    assert measure(url, suite, progress=QUIET).measurements == expected.measurements
    assert len(script.asked("/v1/chat/completions")) == fixed + items - kept + len(endpoint.CANARIES)
    assert not log.exists()


def test_another_model_behind_the_name_is_told_apart(url, script, toy_suite):
    first, again = open_endpoint(url).fingerprint, open_endpoint(url).fingerprint
    assert first == again
    script.models = [{**LISTED, "meta": {"n_params": 8}}]
    assert open_endpoint(url).fingerprint != first
    script.models = [LISTED]
    script.answer = said("another")
    assert open_endpoint(url).fingerprint != first


def test_a_model_exchanged_while_it_was_measured_is_noted(served, script, toy_suite):
    script.answer = said("one")
    found = measure_endpoint(served, load_suite(str(toy_suite)).probes[:1], "test")
    assert found.notes == []
    assert served.fingerprint
    script.answer = said("two")
    assert "answered its fixed questions differently" in served.finish()[0]


def test_no_secret_is_written_anywhere(url, script, toy_suite, monkeypatch, tmp_path):
    monkeypatch.setenv("RETAIN_API_KEY", "sk-secret")
    script.key = "sk-secret"
    monkeypatch.setattr(EndpointModel, "finish", lambda self: [])
    measure(url, str(toy_suite), output=tmp_path / "served.json", progress=QUIET)
    written = [file for folder in (tmp_path, cache_folder()) for file in folder.rglob("*") if file.is_file()]
    assert any("endpoints" in str(file) for file in written)
    assert not any(b"sk-secret" in file.read_bytes() for file in written)


def test_ctrl_c_is_answered_at_once(url, script, toy_suite):
    """While all requests are on their way to a server that does not answer."""
    arguments = ["retain", "measure", url, "--suite", str(toy_suite)]
    # Whoever begins the tests in the background may have told them to ignore SIGINT, and the child would inherit that.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heard}; import sys; from retain.cli import main; sys.argv = {arguments!r}; main()"
    fixed = 1 + len(endpoint.CANARIES)

    def answer(prompt, body):
        time.sleep(0 if len(script.asked("/v1/chat/completions")) <= fixed else 120)
        return said()(prompt, body)

    script.answer = answer
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": "src"}
    )
    try:
        deadline = time.monotonic() + 60
        while script.at_once < endpoint.WORKERS and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        process.wait(60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert time.monotonic() - begun < 60, "it does not wait for the answers, which take 120 s"
