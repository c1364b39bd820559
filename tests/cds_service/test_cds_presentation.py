"""Each client gets the cards in the shape that its vendor documents, with links and reasons."""

from __future__ import annotations

from typing import Any

import pytest
from cds_answers import SERVICE
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.cards.client_profiles import PROFILES, ClientProfile
from cds_service.clinician_page.smart_settings import SmartSettings
from cds_service.config import CLIENT_PROFILES, Config
from cds_service.errors import SettingError

PUBLIC = "https://cds.example.org/relapse"
SMART = "https://app.example.org/launch"


def client_of(**settings: Any) -> FlaskClient:
    """A client of a service with these settings."""
    return create_app(Config(feedback_database="sqlite://", **settings)).test_client()


def cards_of(client: FlaskClient, child: str = "sample-s2-late-marrow") -> list[dict[str, Any]]:
    """The cards for one sample child."""
    body = client.get(f"/sample-requests/{child}").json
    cards: list[dict[str, Any]] = client.post(SERVICE, json=body).json["cards"]
    assert cards
    return cards


def test_every_card_links_to_the_article_and_to_what_it_rests_on() -> None:
    """cds-hooks_2.0@103, @138, @139 and @142: absolute links; no smart link without the page."""
    for card in cards_of(client_of(public_url=PUBLIC, smart=SmartSettings(client_id=""))):
        assert [link["type"] for link in card["links"]] == ["absolute", "absolute"]
        assert card["links"][0]["url"] == "https://doi.org/10.1182/blood-2012-02-265884"
        assert card["links"][1]["url"] == (
            f"{PUBLIC}/cds-services/relapsed-all-stratification/source-attributes"
        )


def test_the_link_to_the_source_attributes_answers() -> None:
    """It is on the same host unless a public address is set."""
    client = client_of()
    url = cards_of(client)[0]["links"][1]["url"]
    assert client.get(url.removeprefix("http://127.0.0.1:8080")).status_code == 200


def test_the_clinicians_page_is_linked_with_nothing_about_the_patient() -> None:
    """cds-hooks_2.0@142: the EHR says which chart is open, by its launch; the card does not."""
    for card in cards_of(client_of(public_url=PUBLIC)):
        smart = card["links"][2]
        assert smart == {"label": smart["label"], "url": f"{PUBLIC}/launch", "type": "smart"}


def test_every_card_offers_the_published_override_reasons() -> None:
    """cds-hooks_2.0@98, @100, @136 and @219: code, system and display."""
    for card in cards_of(client_of()):
        reasons = card["overrideReasons"]
        assert {reason["system"] for reason in reasons} == {
            "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
        }
        assert all(reason["code"] and reason["display"] for reason in reasons)
        assert "action-completed" in {reason["code"] for reason in reasons}


def test_epic_gets_any_and_one_service_request_per_suggestion() -> None:
    """Its document: selectionBehavior any, one action per suggestion, creates it can take."""
    for card in cards_of(client_of(client_profile="epic")):
        assert card.get("selectionBehavior", "any") == "any"
        assert card["source"]["topic"]["code"].isalnum()
        for suggestion in card.get("suggestions", ()):
            (action,) = suggestion["actions"]
            assert action["resource"]["resourceType"] == "ServiceRequest"
    generic = [len(s["actions"]) for c in cards_of(client_of()) for s in c.get("suggestions", ())]
    assert max(generic) == 5


def test_a_card_whose_suggestions_a_client_cannot_take_has_none() -> None:
    """cds-hooks_2.0@3 and @93: no empty array, and no selectionBehavior without suggestions."""
    card = cards_of(client_of(client_profile="epic"), "sample-after-transplant")[0]
    assert ("suggestions" in card) == ("selectionBehavior" in card)


def test_oracle_gets_only_links_that_it_lists() -> None:
    """Its document: other links are removed, appContext is not supported."""
    assert "links" not in cards_of(client_of(client_profile="oracle"))[0]
    listed = client_of(client_profile="oracle", client_links=("https://doi.org/",))
    (link,) = cards_of(listed)[0]["links"]
    assert link["url"].startswith("https://doi.org/")
    link = {"label": "x", "url": SMART, "type": "smart", "appContext": "c"}
    shaped = PROFILES["oracle"].shown({"uuid": "u"}, [link], [SMART])
    assert shaped["links"] == [{"label": "x", "url": SMART, "type": "smart"}]
    assert ClientProfile("x").shown({"uuid": "u"}, [link])["links"] == [link]


def test_a_link_is_listed_by_its_whole_host() -> None:
    """A prefix of a host name is another host."""
    link = {"label": "x", "url": "https://doi.org.evil.example/", "type": "absolute"}
    shaped = PROFILES["oracle"].shown({"uuid": "u"}, [link], ["https://doi.org"])
    assert "links" not in shaped


def test_the_sandbox_gets_what_cds_hooks_says() -> None:
    """Nothing is left out for it: it was seen to show all of it."""
    labels = [
        [[s["label"] for s in card.get("suggestions", ())] for card in cards_of(client)]
        for client in (client_of(), client_of(client_profile="sandbox"))
    ]
    assert labels[0] == labels[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CDS_PUBLIC_URL", "cds.example.org"),
        ("CDS_PUBLIC_URL", "https://user:pass@cds.example.org"),
        ("CDS_PUBLIC_URL", "https://cds.example.org/?a=b"),
        ("CDS_SMART_AUTHORIZATION_ORIGINS", "javascript:alert(1)"),
        ("CDS_CLIENT_PROFILE", "Epic"),
        ("CDS_CLIENT_LINKS", "doi.org"),
        ("CDS_FEEDBACK_COMMENTS", "yes"),
        ("CDS_FEEDBACK_DAYS", "-1"),
        ("CDS_ALERT_FATIGUE_HOURS", "soon"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    """At start, as every setting."""
    with pytest.raises(SettingError, match=name):
        Config.from_environment({name: value})


def test_alert_fatigue_needs_a_key_and_does_not_tell_it() -> None:
    """32 characters or more; never shown in a representation."""
    with pytest.raises(SettingError, match="CDS_ALERT_FATIGUE_KEY"):
        Config.from_environment({"CDS_ALERT_FATIGUE_HOURS": "8"})
    config = Config.from_environment(
        {"CDS_ALERT_FATIGUE_HOURS": "8", "CDS_ALERT_FATIGUE_KEY": "s" * 32}
    )
    assert config.alert_fatigue_hours == 8
    assert "s" * 32 not in repr(config)


def test_the_settings_know_every_profile() -> None:
    """And no other."""
    assert tuple(PROFILES) == CLIENT_PROFILES
