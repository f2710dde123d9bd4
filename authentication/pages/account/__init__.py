"""The account page: what people see and change of their own account. Each page asks one service."""
