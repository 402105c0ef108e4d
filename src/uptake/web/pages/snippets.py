"""The lines that send a first user, account and event, in four languages, with the reader's own key and address."""

import msgspec

CURL = """curl -u {key}: {host}/v1/batch \\
  -H 'content-type: application/json' \\
  -d '{{"batch": [
    {{"type": "identify", "userId": "ana", "traits": {{"name": "Ana", "email": "ana@acme.example"}}}},
    {{"type": "group", "userId": "ana", "groupId": "acme", "traits": {{"name": "Acme"}}}},
    {{"type": "track", "userId": "ana", "event": "Report_Created"}}
  ]}}'"""

NODE = """import {{ Analytics }} from '@segment/analytics-node'

const analytics = new Analytics({{ writeKey: '{key}', host: '{host}' }})

analytics.identify({{ userId: 'ana', traits: {{ name: 'Ana', email: 'ana@acme.example' }} }})
analytics.group({{ userId: 'ana', groupId: 'acme', traits: {{ name: 'Acme' }} }})
analytics.track({{ userId: 'ana', event: 'Report_Created' }})

await analytics.closeAndFlush()"""

PYTHON = """import segment.analytics as analytics

analytics.write_key = "{key}"
analytics.host = "{host}"

analytics.identify("ana", {{"name": "Ana", "email": "ana@acme.example"}})
analytics.group("ana", "acme", {{"name": "Acme"}})
analytics.track("ana", "Report_Created")

analytics.flush()"""

BROWSER = """import {{ AnalyticsBrowser }} from '@segment/analytics-next'

const analytics = AnalyticsBrowser.load({{ writeKey: '{key}', cdnURL: '{host}' }})

analytics.identify('ana', {{ name: 'Ana', email: 'ana@acme.example' }})
analytics.group('acme', {{ name: 'Acme' }})
analytics.track('Report_Created')"""


class Snippet(msgspec.Struct, frozen=True):
    """Code to copy: its tab, what to install first, and the lines."""

    id: str
    label: str
    note: str
    code: str

    @property
    def tab(self) -> tuple[str, str]:
        """The tab's id and label."""
        return self.id, self.label


TEMPLATES = (
    ("curl", "curl", "Paste this into a terminal.", CURL),
    ("node", "Node", "npm install @segment/analytics-node", NODE),
    ("python", "Python", "pip install segment-analytics-python", PYTHON),
    ("browser", "Browser", "npm install @segment/analytics-next", BROWSER),
)


def snippets(key: str, host: str) -> list[Snippet]:
    """The snippets with a key, and the server's address without a slash at its end."""
    return [
        Snippet(name, label, note, template.format(key=key, host=host)) for name, label, note, template in TEMPLATES
    ]
