"""Which stages are tried a second time, and after what."""

import pytest
from prefect.states import Failed

from tasks import stages
from warehouse.errors import UserError


@pytest.mark.parametrize("stage", [stages.generate, stages.exchange])
def test_what_the_user_has_to_mend_or_has_stopped_is_not_tried_again(stage):
    def tries_again(error):
        return stage.retry_condition_fn(stage, None, Failed(data=error))

    assert stage.retries == 1
    assert not tries_again(UserError("engine: start it"))
    assert tries_again(ConnectionError("gone"))
    # A signal that came in a query.
    assert not tries_again(RuntimeError("Query interrupted"))
