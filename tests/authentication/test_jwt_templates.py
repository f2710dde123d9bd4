import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from authentication.errors import InvalidJwtTemplate, TokenTooBig
from authentication.jwt_templates import LONGEST_CLAIMS, RESERVED_CLAIMS, compile_template
from foundation.errors import BadRequest, Invalid

CONTEXT = {
    "user": {
        "object": "user",
        "id": "user_01",
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": None,
        "email_verified": True,
        "metadata": {"language": "es", "seats": "12", "hyphen-key": "found", "empty": ""},
    },
    "organization": {
        "id": "org_01",
        "name": 'Acme "&" Söhne',
        "metadata": {},
        "domains": [{"domain": "acme.com", "state": "verified"}, {"domain": "acme.dev", "state": "pending"}],
    },
    "organization_membership": {
        "id": "om_01",
        "roles": ["admin", "member"],
        "custom_attributes": {"department": "Engines", "level": 4, "share": 0.5, "tags": ["a", "b"]},
    },
}


def render(template, context=CONTEXT):
    return compile_template(template).render(context)


def problems(template):
    with pytest.raises(InvalidJwtTemplate) as refused:
        compile_template(template)
    assert refused.value.code == "invalid_request_parameters"
    assert isinstance(refused.value, Invalid)
    assert all(error["field"] == "content" and error["code"] for error in refused.value.details["errors"])
    return " ".join(error["message"] for error in refused.value.details["errors"])


def test_the_example_of_the_guide_comes_out_as_it_says():
    template = """
    {
        "urn:myapp:full_name": "{{ user.first_name || 'Someone' }} {{ user.last_name || 'Unknown' }}",
        "urn:myapp:email": {{ user.email }},
        "urn:myapp:organization_tier": "{{ organization.metadata.tier || 'bronze' }}",
        "urn:myapp:user_language": "{{ user.metadata.language || 'en' }}",
        "urn:myapp:organization_domain": "{{ organization.domains.0.domain }}"
    }
    """

    assert render(template) == {
        "urn:myapp:full_name": "Ada Unknown",
        "urn:myapp:email": "ada@example.com",
        "urn:myapp:organization_tier": "bronze",
        "urn:myapp:user_language": "es",
        "urn:myapp:organization_domain": "acme.com",
    }


def test_the_example_of_the_specification_comes_out_as_it_says():
    template = '{"urn:myapp:full_name": "{{user.first_name}} {{user.last_name}}", "urn:myapp:email": "{{user.email}}"}'

    assert render(template) == {"urn:myapp:full_name": "Ada ", "urn:myapp:email": "ada@example.com"}


@pytest.mark.parametrize(
    ("value", "claim"),
    [
        ("{{ user.email }}", "ada@example.com"),
        ("{{user.email_verified}}", True),
        ("{{ user.metadata }}", {"language": "es", "seats": "12", "hyphen-key": "found", "empty": ""}),
        ("{{ user.metadata.hyphen-key }}", "found"),
        ("{{ organization_membership.roles }}", ["admin", "member"]),
        ("{{ organization_membership.roles.1 }}", "member"),
        ("{{ organization_membership.custom_attributes.level }}", 4),
        ("{{ organization.domains.1.domain }}", "acme.dev"),
        ("{{ user.nickname || user.last_name || user.email }}", "ada@example.com"),
        ("{{ user.nickname || 'Guest' }}", "Guest"),
        ('{{ user.nickname || "Guest" }}', "Guest"),
        ("{{ user.nickname || 'it\\'s' }}", "it's"),
        ("{{ user.nickname || '}} || {{' }}", "}} || {{"),
        ("{{ 'constant' }}", "constant"),
        ("{{ user.metadata.empty || 'not null' }}", ""),
        ("{{\n user.email\n ||\n 'x' }}", "ada@example.com"),
        ('"{{ user.nickname || \'say "hi"\' }}"', 'say "hi"'),
        ('"{{ user.nickname || \\"Guest\\" }}!"', "Guest!"),
        ('"{{ user.email_verified }}/{{ organization_membership.custom_attributes.level }}"', "true/4"),
        ('"{{ organization_membership.custom_attributes.tags }}"', '["a","b"]'),
        ('"{{ user.nickname }}"', ""),
        ('"<{{ organization.name }}>"', '<Acme "&" Söhne>'),
        ('"\\u007b\\u007b user.email }}"', "{{ user.email }}"),
        ('{"a": [1, {{ user.id }}, null, "x"]}', {"a": [1, "user_01", None, "x"]}),
        ("1.5", 1.5),
        ("true", True),
    ],
)
def test_a_value_comes_out_as_written(value, claim):
    assert render(f'{{"claim": {value}}}') == {"claim": claim}


@pytest.mark.parametrize(
    "path",
    [
        "user.nickname",
        "user.last_name",
        "user.email.length",
        "user.email.0",
        "organization.domains.2.domain",
        "organization.domains.99999999999999999999.domain",
        "organization.domains.first",
        "organization.domains.-1",
        "organization.domains.0.domain.x.y.z",
        "user.__class__",
        "user.metadata.__class__.__mro__",
        "user.keys",
        "organization_membership.roles.append",
    ],
)
def test_a_path_that_leads_nowhere_is_null_and_its_claim_is_left_out(path):
    assert render(f'{{"claim": {{{{ {path} }}}}, "kept": [{{{{ {path} }}}}]}}') == {"kept": [None]}


@pytest.mark.parametrize(
    "context", [{}, {"user": None}, {"organization": {}}, {"user": []}, {"user": "text"}]
)
def test_a_context_without_the_object_gives_nulls(context):
    assert render('{"a": {{ user.email }}, "b": "{{ user.email || \'none\' }}"}', context) == {"b": "none"}


@pytest.mark.parametrize("name", sorted(RESERVED_CLAIMS))
def test_a_reserved_claim_is_refused_by_name(name):
    assert f'Claim "{name}" is reserved' in problems(f'{{"{name}": "x", "mine": 1}}')
    assert f'Claim "{name}" is reserved' in problems(f'{{"{name}": {{{{ user.nickname }}}}}}')


def test_every_reserved_claim_is_named_and_an_escape_hides_none():
    said = problems('{"iat": 1, "\\u0073ub": 2}')

    assert 'Claim "iat"' in said
    assert 'Claim "sub"' in said


def test_a_reserved_name_further_down_is_nobodys_business():
    assert render('{"nested": {"sub": "x"}}') == {"nested": {"sub": "x"}}


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("", "JSON object"),
        ("   ", "JSON object"),
        ("{}", "no claims"),
        ("[]", "not a JSON object"),
        ('["{{ user.email }}"]', "not a JSON object"),
        ("{{ user }}", "not a JSON object"),
        ("{{ user.metadata }}", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("null", "not a JSON object"),
        ('{"a": 1', "JSON object"),
        ('{"a": 1}}', "JSON object"),
        ('{"a": 1,}', "JSON object"),
        ("{'a': 1}", "JSON object"),
        ('{"a": "text', "within a string"),
        ('{"a": "text\\', "within a string"),
        ('{"a": "line\nbreak"}', "JSON object"),
        ('{"a": {{ user.email }}{{ user.id }}}', "JSON object"),
        ('{"a": -{{ user.id }}}', "JSON object"),
        ('{"a": {{ user.email }', "end with }}"),
        ('{"a": {{ user.email', "end with }}"),
        ('{"a": {{ user.email } }}', "end with }}"),
        ('{"a": {{ }}}', "needs a path"),
        ('{"a": {{ user.email || }}}', "needs a path"),
        ('{"a": {{ || user.email }}}', "needs a path"),
        ('{"a": {{ user..email }}}', "end with }}"),
        ('{"a": {{ user.email | upcase }}}', "end with }}"),
        ('{"a": {{ user.email() }}}', "end with }}"),
        ('{"a": {{ user["email"] }}}', "end with }}"),
        ('{"a": {{ user.email + 1 }}}', "end with }}"),
        ('{"a": {{ \'unclosed }}}', "needs a path"),
        ('{"a": {{ 1 }}}', "needs a path"),
        ('{"a": {{ true }}}', "variable true"),
        ('{"a": {{ usr.email }}}', "variable usr"),
        ('{"a": {{ __import__ }}}', "variable __import__"),
        ('{"a": "{% if user %}x{% endif %}"}', "Tags"),
        ('{"a": "{{ user }}"}', "within a string"),
        ('{"a": "{{ user.metadata }}"}', "within a string"),
        ('{"a": "{{ user.nickname || organization.domains }}"}', "within a string"),
        ('{"a": "{{ organization.domains.0 }}"}', "within a string"),
        ('{"{{ user.id }}": 1}', "cannot hold an expression"),
        ('{"a": {"x{{ user.id }}": 1}}', "cannot hold an expression"),
        ("{ {{ user.id }}: 1 }", "cannot hold an expression"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": 1, "\\u0061": 2}', "twice"),
        ('{"a": NaN}', "not JSON"),
        ('{"a": -Infinity}', "not JSON"),
        ('{"a": 1e999}', "too large"),
        ('{"a": ' + "1" * 5000 + "}", "number"),
        ('{"a": "\\ud800"}', "character"),
        ('{"a": "\ud800"}', "surrogate"),
        ("{\"a\": {{ '\ud800' }}}", "surrogate"),
        ('{"a": ' + "[" * 5000, "deeper"),
        ('{"a": ' + '{"a":' * 100 + "1" + "}" * 101, "deeper"),
        ('{"a": "' + "x" * 9000 + '"}', "8192"),
        ('{"a": "' + "x" * 4000 + '"}', "3072"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused_with_a_reason(template, said):
    assert said in problems(template)


def test_the_reason_names_the_line():
    assert "line 3" in problems('{\n"a": 1,\n"b": {{ nope.x }}\n}')


def test_claims_beyond_the_bound_are_refused_when_they_are_rendered():
    template = compile_template('{"a": "{{ user.first_name }}"}')
    fitting = LONGEST_CLAIMS - len('{"a":""}')

    assert template.render({"user": {"first_name": "x" * fitting}})
    with pytest.raises(TokenTooBig) as refused:
        template.render({"user": {"first_name": "x" * (fitting + 1)}})
    assert refused.value.code == "token_too_big"
    assert isinstance(refused.value, BadRequest)


def test_the_bound_counts_bytes():
    template = compile_template('{"a": {{ user.first_name }}}')

    assert template.render({"user": {"first_name": "ö" * 1500}})
    with pytest.raises(TokenTooBig):
        template.render({"user": {"first_name": "ö" * 1600}})


def test_a_template_that_multiplies_a_large_object_stops_early():
    template = compile_template('{"a": [' + ",".join(["{{ user }}"] * 500) + "]}")
    large = {"user": {"metadata": {f"key {number}": "x" * 600 for number in range(5000)}}}

    began = time.process_time()
    with pytest.raises(TokenTooBig):
        template.render(large)
    assert time.process_time() - began < 0.2


@pytest.mark.parametrize(
    "template",
    [
        "{{" * 4096,
        '{"a": "' + "{{ user.a || " * 600,
        '{"a": {{ user' + ".a" * 4000 + " }}}",
        '{"a": {{ \'' + "\\'" * 4000,
        '{"a": "' + "\\" * 8000,
        '{"a": {{' + " " * 8000,
        '{"a": {{ ' + "user||" * 1300,
        "}" * 8192,
        '"' * 8191,
    ],
)
def test_a_hostile_template_is_read_at_once(template):
    began = time.process_time()
    with contextlib.suppress(InvalidJwtTemplate):
        compile_template(template)
    assert time.process_time() - began < 0.5


def test_a_value_cannot_add_claims_or_be_read_as_an_expression():
    evil = '", "sub": "user_victim", "x": "{{ user.id }}'
    context = {"user": {"first_name": evil, "metadata": {"{{ user.id }}": evil}}}

    assert render('{"a": "{{ user.first_name }}", "b": {{ user.metadata }}}', context) == {
        "a": evil,
        "b": {"{{ user.id }}": evil},
    }


def test_what_is_rendered_shares_nothing_with_the_context():
    context = {"user": {"metadata": {"tags": ["a"]}}}

    claims = render('{"metadata": {{ user.metadata }}}', context)
    claims["metadata"]["tags"].append("b")

    assert context == {"user": {"metadata": {"tags": ["a"]}}}


def test_numbers_that_json_does_not_know_become_null():
    context = {"user": {"metadata": {"a": float("nan"), "b": float("inf"), "c": 1}}}

    assert render('{"m": {{ user.metadata }}}', context) == {"m": {"a": None, "b": None, "c": 1}}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4)
    ),
    max_leaves=10,
)


@given(value=json_values)
def test_a_template_without_expressions_is_its_own_json(value):
    text = json.dumps({"claim": value, "kept": 1})
    if "{{" in text or "{%" in text:
        return

    assert render(text) == {
        key: item for key, item in {"claim": value, "kept": 1}.items() if item is not None
    }


@given(value=json_values)
def test_any_value_of_the_context_survives_unchanged(value):
    claims = render('{"kept": [{{ user.value }}]}', {"user": {"value": value}})

    assert claims == {"kept": [value]}
    assert json.loads(json.dumps(claims)) == claims


@given(first=st.text(max_size=50), second=st.text(max_size=50))
def test_texts_within_a_string_are_joined_as_they_are(first, second):
    context = {"user": {"a": first, "b": second}}

    assert render('{"claim": "<{{ user.a }}|{{user.b}}>"}', context) == {"claim": f"<{first}|{second}>"}


FRAGMENTS = [
    "{",
    "}",
    "{{",
    "}}",
    '"',
    "'",
    "\\",
    ":",
    ",",
    "||",
    "|",
    "[",
    "]",
    "user",
    ".email",
    "organization",
    ".metadata",
    '"a"',
    '"sub"',
    "1",
    "null",
    "{%",
    "<",
    "=0>",
    "\\u007b",
]
fragments = st.lists(
    st.sampled_from([*FRAGMENTS, " ", "\n", "\ud800"]) | st.text(max_size=5), max_size=40
).map("".join)


@given(template=fragments | st.text(max_size=200))
@hypothesis_settings(max_examples=500)
def test_any_text_is_compiled_or_refused_and_what_compiles_renders(template):
    try:
        compiled = compile_template(template)
    except InvalidJwtTemplate:
        return
    claims = compiled.render(CONTEXT)
    assert not RESERVED_CLAIMS.intersection(claims)
    assert len(json.dumps(claims, ensure_ascii=False).encode()) <= 2 * LONGEST_CLAIMS
