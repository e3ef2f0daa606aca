"""Programs beyond linear algebra, on every device that linear algebra runs on."""
