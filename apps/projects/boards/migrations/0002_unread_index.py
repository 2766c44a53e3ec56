"""An index that no query reads."""

from django.db import migrations


class Migration(migrations.Migration):
    """Takes it away."""

    dependencies = [("boards", "0001_initial")]

    operations = [migrations.RemoveIndex(model_name="expectedmove", name="board_expected_moves_expiry")]
