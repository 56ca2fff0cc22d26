"""People rendered in the code, walking as recorded people do: the dataset that comes along."""
