"""The door of the event stream."""
