"""The pages and endpoints of the test identity provider, for developers: English, like the rest of their tools."""
