"""The Airflow DAG `freeze_follow_up`; `wiring.py` makes it."""

from airflow.sdk import DAG
from wiring import freeze

dag: DAG = freeze(
    purpose="På opfølgningens skæringsdato står tallene fast i en udgave, som aldrig ændres.",
    description="""
Dagen før skæringsdatoen ser `check_release` efter, om natten har givet en frisk udgivelse, så der er tid til at rette.
På dagen fryser `freeze` tallene fra nattens udgivelse i `editions/<kode>-<nummer>/` og laver opfølgningens dokument. En
rettelse er en ny udgave, der nævner den gamle.
""",
    when_it_fails="""
- **`check_release` er rød:** der er en dag til at rette i. Se `refresh_warehouse` først; `warehouse status` nævner
  årsagen. Kan det ikke nås, så aftal en anden dato med Center for Økonomi: en ny række i kalenderen.
- **`freeze` er rød:** loggen siger hvorfor. En udgave er enten hel eller der ikke; ret årsagen, og ryd opgaven (Clear).
- **Den er ikke færdig to timer efter sit tidspunkt:** så er der sendt en besked. Hænger den, så ryd opgaven; er den
  fejlet, så læs dens log.
- **Datoen blev passeret, uden at den kørte:** `warehouse follow-up freeze <kode>`, eller start den i hånden med koden.
- **Tallene i en udgave er forkerte:** slet den aldrig. Ret årsagen, udgiv, og frys igen: det bliver en ny udgave.
""",
)
