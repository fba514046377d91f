"""cohere-python: rerank of both versions, which the Vercel AI Gateway serves in Cohere's words."""

import pytest

from programs import MASTER_KEY

cohere = pytest.importorskip("cohere", reason="this environment holds the OpenAI SDK alone")

DOCUMENTS = ["Oslo is rainy", "Herons eat fish", "A heron is a bird"]


@pytest.fixture
def first(dialects, simulator):
    return cohere.Client(base_url=dialects.url, api_key=MASTER_KEY)


@pytest.fixture
def second(dialects, simulator):
    return cohere.ClientV2(base_url=dialects.url, api_key=MASTER_KEY)


def test_version_2(second, simulator):
    reply = second.rerank(model="reranker", query="What is a heron?", documents=DOCUMENTS, top_n=2)
    assert len(reply.results) == 2
    scores = [result.relevance_score for result in reply.results]
    assert scores == sorted(scores, reverse=True)
    assert len({result.index for result in reply.results}) == 2
    assert reply.meta.api_version.version == "2"
    assert reply.meta.billed_units.search_units == 1
    assert simulator.request()["path"] == "/v2/rerank"
    assert simulator.body() == {
        "model": "cohere/rerank-v5-pro",
        "query": "What is a heron?",
        "documents": DOCUMENTS,
        "top_n": 2,
    }


def test_version_1(first, simulator):
    documents = [{"text": text, "title": "Birds"} for text in DOCUMENTS]
    reply = first.rerank(
        model="reranker", query="heron", documents=documents, rank_fields=["text"], return_documents=True
    )
    assert len(reply.results) == 3
    assert [result.document.text for result in reply.results] == [
        DOCUMENTS[result.index] for result in reply.results
    ]
    assert simulator.request()["path"] == "/v1/rerank"
    assert simulator.body()["documents"] == documents


def test_a_cost_that_is_not_told_is_not_invented(second, simulator):
    reply = second.with_raw_response.rerank(model="reranker", query="heron", documents=DOCUMENTS)
    assert simulator.billed() > 0
    assert "x-litellm-response-cost" not in reply.headers
    assert reply.headers["x-litellm-model-group"] == "reranker"


@pytest.mark.parametrize("version", ["first", "second"])
def test_wrong_key(dialects, simulator, version):
    kind = cohere.Client if version == "first" else cohere.ClientV2
    client = kind(base_url=dialects.url, api_key=MASTER_KEY + "0")
    with pytest.raises(cohere.UnauthorizedError) as caught:
        client.rerank(model="reranker", query="heron", documents=DOCUMENTS)
    assert set(caught.value.body) >= {"message"}
    assert simulator.requests() == []


def test_errors_are_told_in_cohere_s_words(first, second, simulator):
    no_retries = {"max_retries": 0}
    for client in (first, second):
        with pytest.raises(cohere.BadRequestError) as caught:
            client.rerank(model="no-such-group", query="heron", documents=DOCUMENTS, request_options=no_retries)
        assert "no-such-group" in caught.value.body["message"]
        with pytest.raises(cohere.TooManyRequestsError) as caught:
            client.rerank(
                model="vercel_ai_gateway/sim/fault-rate-limited",
                query="heron",
                documents=DOCUMENTS,
                request_options=no_retries,
            )
        assert caught.value.body["message"]
    with pytest.raises(cohere.BadRequestError) as caught:
        second.rerank(model="claude-direct", query="heron", documents=DOCUMENTS, request_options=no_retries)
    assert "messages" in caught.value.body["message"]
