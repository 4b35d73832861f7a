"""What the synthetic budget agreements say about each initiative: invented, in the manner of such documents.

In the texts `{y}` is the agreement's year, `{y1}` and `{y2}` the two after it, `{p}` the one before; `{a}`, `{b}`, ...
are amounts in million kroner. A vertical tab asks the text form for a new line: what stands after it looks like the
start of something else there. Every text is a paragraph or a list's item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Texts = tuple[str, ...]


@dataclass(frozen=True)
class PlannedAmount:
    """An amount that counts: `name` as in the texts, for the agreement's year plus `offset`."""

    name: str
    offset: int = 0
    kind: Literal["expenditure", "saving"] = "expenditure"
    stated_in: Literal["finance", "description"] = "finance"


@dataclass(frozen=True)
class Wording:
    """The cells of an initiative's table. `ranges`: from and to, in 100,000 kroner, for each amount in the texts."""

    description: Texts
    elaboration: Texts
    milestones: tuple[Texts, Texts, Texts, Texts]
    finance: Texts = ()
    ranges: Mapping[str, tuple[int, int]] | None = None
    amounts: tuple[PlannedAmount, ...] = ()


def _later(name: str, offset: int, kind: Literal["expenditure", "saving"] = "expenditure") -> PlannedAmount:
    return PlannedAmount(name, offset, kind, "description")


_SAVING = PlannedAmount("a", 0, "saving")

WORDING: Mapping[str, Wording] = {
    "3.01": Wording(
        (
            "Børn, der møder bøger tidligt, får lettere ved at lære at læse. Derfor skal dagtilbud, indskoling og klub "
            "arbejde efter den samme strategi, så barnet kan kende rammerne, når det skifter fra det ene sted til det "
            "andet.",
            "Kommunen vil afsætte {a} mio. kr. i {y}, {b} mio. kr. i {y1} og {c} mio. kr. i {y2} til fælles "
            "læsevejledere i distrikterne. Pengene går til uddannelse og til bøger.",
            "Strategien skal bygge på:",
            "• Højtlæsning hver dag i alle børnehuse",
            "• Bøger, som familien kan låne med hjem",
            "• Faste møder mellem pædagoger og lærere om sproget hos de børn, der snart skal begynde i skolen",
        ),
        (
            "Læsevejlederne knyttes til ressourcecentrene og deltager i netværket på tværs af skolerne.",
            "• Et fælles årshjul",
            "• En kort vejledning til forældre",
            "Erfaringerne fra det første distrikt samles, før de øvrige distrikter går i gang. Børne- og "
            "Skoleudvalget orienteres løbende.",
        ),
        (
            ("Læsevejlederne er fundet, og strategien er drøftet i Børne- og Skoleudvalget.",),
            ("Det første distrikt er begyndt på kurserne, og der er købt bøger ind.",),
            ("Alle distrikter er i gang.",),
            ("Erfaringerne er samlet.",),
        ),
        ("Der afsættes {a} mio. kr. i {y}.",),
        {"a": (12, 24), "b": (25, 40), "c": (25, 38)},
        (PlannedAmount("a"), _later("b", 1), _later("c", 2)),
    ),
    "3.02": Wording(
        (
            "Flere elever har brug for støtte, og mange af dem kan blive i deres egen klasse, hvis hjælpen kommer i "
            "tide. Der sættes {a} mio. kr. af i {y} til støttetimer. I {y1} sættes der {b} mio. kr. af, og i {y2} "
            "sættes der {c} mio. kr. af. Tanken er, at behovet falder, når almenklassen bliver stærkere.",
        ),
        (),
        (
            (
                "Skolerne har meldt deres behov ind, og der foreligger en prognose for året, som viser forbruget i "
                "både almen- og specialområdet",
            ),
            (
                "En model for fordeling af timer er beskrevet og sendt i høring hos skolebestyrelserne.",
                "Behovet for kompetenceudvikling er gjort op.",
            ),
            ("Modellen er taget i brug på alle skoler i kommunen, og forbruget følges måned for måned.",),
            ("Forbruget er gjort op.",),
        ),
        ("Der afsættes {a} mio. kr. i {y}.",),
        {"a": (60, 90), "b": (40, 59), "c": (20, 39)},
        (PlannedAmount("a"), _later("b", 1), _later("c", 2)),
    ),
    "3.03-1": Wording(
        (
            "Partierne vil have et overblik over, hvordan unge får hjælp af sundhedsplejen, når de går i udskolingen, "
            "og hvordan hjælpen kan nå flere. Der henvises til punkt 3.04, hvor arbejdet følges.",
        ),
        (
            "Sundhedsplejen samarbejder med skolerne om samtaler med de ældste elever. Samtalerne skal føre til, at "
            "flere får hjælp uden for en egentlig sag, og at § 50-undersøgelserne bliver færre.",
        ),
        (
            ("Der er aftalt faste tider for samtaler på alle skoler med udskoling.",),
            ("Samtalerne er i gang, og der er lavet en vejledning om, hvornår en bekymring skal deles med andre.",),
            ("Vejledningen er kendt.",),
            (
                "De første erfaringer er gjort op sammen med skolerne, og der er taget stilling til, om § "
                "50-undersøgelserne er blevet færre end året før.",
            ),
        ),
        ("Der er ikke afsat særskilte midler til denne del.",),
    ),
    "3.03-2": Wording(
        (
            "Unge mellem 12-25 år skal kunne få råd uden henvisning og uden at give deres navn. Der er gode erfaringer "
            "med det i nabokommunerne.",
            "Der afsættes {a} mio. kr. årligt i {y} og {y1} til at drive rådgivningen. Partierne ser på effekten, "
            "inden der tages stilling til en fortsættelse.",
        ),
        (
            "Rådgivningen supplerer de tilbud, som kommunen har til unge i alderen 12-25 år i dag. Åbningstiderne "
            "lægges, når de unge har fri, og de frivillige bliver oplært inden start.",
        ),
        (
            (
                "* Lokalerne er fundet.",
                "* Der er ansat en leder af rådgivningen.",
                "* En plan for oplæring af frivillige er lavet.",
            ),
            ("* Rådgivningen er åbnet.", "* De første frivillige er oplært."),
            ("* Åbningstiden er udvidet til to aftener om ugen.", "* Proces- og tidsplan følges."),
            ("* Målet for antallet af samtaler er nået.",),
        ),
        ("{a} mio. kr. i {y}.",),
        {"a": (3, 8)},
        (PlannedAmount("a"), _later("a", 1)),
    ),
    "3.03-3": Wording(
        (
            "Elever, der er væk fra skolen i lang tid, har svært ved at vende tilbage. Partierne vil have hjælpen til "
            "at begynde tidligere, og senest i maj {y} skal der foreligge et forslag til hvordan.",
        ),
        (
            "Forslaget laves af en gruppe på tværs af centrene og skal ses sammen med den åbne rådgivning, som er "
            "beskrevet under punkt 3.03, del 2.",
        ),
        (
            ("Gruppen er nedsat.", "Kortlægningen af skolernes indsats over for fravær er gået i gang."),
            ("Forslaget er forelagt Børne- og Skoleudvalget.",),
            ("Planen følges.",),
            ("Planen følges.",),
        ),
        ("Investering i {y}: {a} mio. kr.",),
        {"a": (1, 4)},
        (PlannedAmount("a"),),
    ),
    "3.04": Wording(
        (
            "Familier med flere sager i kommunen møder i dag mange medarbejdere. Fremover får de én kontaktperson, der "
            "følger dem hele vejen. Med budget {p} blev der afsat penge til et forsøg i ét distrikt.",
        ),
        (
            "Der ansættes medarbejdere, så ingen kontaktperson har mere end 18 familier. Målet er, at hjælpen i "
            "hjemmet kan træde i stedet for noget af den forebyggende/indgribende hjælp uden for hjemmet.",
        ),
        (
            ("De nye medarbejdere er ansat, og familierne i det første distrikt har fået deres kontaktperson.",),
            ("Alle familier med mere end én sag har en kontaktperson, og hver familie har en plan.",),
            ("Fire familier har fået hjælp hjemme i stedet for uden for hjemmet.",),
            ("Otte familier har fået hjælp hjemme i stedet for uden for hjemmet, og familierne er blevet spurgt.",),
        ),
        (
            "Investering {y}: {a} mio. kr. til flere medarbejdere, så familierne kan følges tættere.",
            "Besparelse {y}: {b} mio. kr.",
        ),
        {"a": (50, 90), "b": (10, 25)},
        (PlannedAmount("a"), PlannedAmount("b", 0, "saving")),
    ),
    "3.05": Wording(
        (
            "Virksomhederne i kommunen mangler faglærte, og for få unge vælger en erhvervsuddannelse. Skoler, "
            "uddannelser og virksomheder skal derfor finde sammen om forløb, hvor eleverne prøver fagene af.",
            "Forløbene skal kunne begynde i skoleåret {y}/{y1}. Erhvervs- og Beskæftigelsesudvalget inddrages i "
            "arbejdet.",
        ),
        (),
        (
            ("a. Virksomheder og uddannelser er inviteret.", "b. Det første fælles møde er holdt i marts {y}."),
            (
                "Forslagene fra mødet er gjort til",
                "a. Konkrete forløb for 8. klasse.",
                "b. En plan, der er forelagt Børne- og Skoleudvalget samt Erhvervs- og Beskæftigelsesudvalget.",
            ),
            (),
            (),
        ),
    ),
    "3.06": Wording(
        (
            "Flere børn skal have glæde af de kreative tilbud i fritiden, også dem, der ikke selv finder vej til dem. "
            "Partierne ønsker et oplæg om, hvordan skoler, klubber og foreninger kan hjælpes ad.",
            "Oplægget skal beskrive både pris, sted og transport, og hvordan børn i alle distrikter kan være med.",
        ),
        (),
        (
            (),
            (),
            (
                "Oplægget er forelagt udvalget og beskriver:",
                "1) Det, der findes i dag:",
                "- tilbud i klubberne",
                "- tilbud i foreningerne",
                "2) Hvad børnene selv ønsker",
                "3) En plan for det næste år. Planen skal ses sammen med punkt 3.05.",
            ),
            (),
        ),
    ),
    "3.08": Wording(
        (
            "For nogle år siden fik klubberne en ny struktur. Der blev dengang afsat {h} mio. kr. årligt til ledelse. "
            "Partierne ønsker nu at vide, hvordan det er gået, og at børnene selv bliver spurgt.",
        ),
        (),
        (
            (
                "Rammen for evalueringen er forelagt Børne- og Skoleudvalget, Økonomiudvalget og Kommunalbestyrelsen, "
                "og der er fundet en, som kan stå for den.",
            ),
            (),
            ("Evalueringen er i gang.",),
            (),
        ),
        ranges={"h": (10, 30)},
    ),
    "3.09": Wording(
        (
            "Skoleboderne laver mere mad, end der bliver solgt.",
            "Partierne er enige om at samle indkøbene, så mindre går til spilde. Besparelsen er {a} mio. kr. i {y}, og "
            "{b} mio. kr. i {y1} og frem.",
            "Boderne holder åbent som hidtil. Ændringen gælder fra august {y}.",
        ),
        (),
        (
            (),
            (
                "Den nye aftale om indkøb er på plads, dog afhængigt af evt. klager over udbuddet. Besparelsen "
                "overføres til ramme 30.41 Skolemad.",
            ),
            ("Er gennemført.",),
            ("Er gennemført.",),
        ),
        ("Besparelsen er {a} mio. kr. i {y}.", "Besparelsen overføres til ramme 30.41 Skolemad ved anden opfølgning."),
        {"a": (1, 3), "b": (4, 8)},
        (_SAVING, _later("b", 1, "saving")),
    ),
    "3.10": Wording(
        (
            "Kommunens 10. klasser skal samles i UU-huset, når det er bygget om. Flytningen ventes at ske i løbet af "
            "efteråret {y}. Eleverne kan følges digitalt fra 9. klasse, som det er beskrevet i \v7.02. Digital "
            "indskrivning.",
        ),
        (
            "Ombygningen tegnes af de samme rådgivere, som har undersøgt UU-bygningen. Lærere og elever tages med på "
            "råd om indretningen af UU-bygningen, før den går i gang.",
        ),
        (
            ("Tegningerne er færdige.",),
            ("Der er skrevet kontrakt med en entreprenør, og håndværkerne er gået i gang.",),
            ("Ombygningen følger planen, og der er aftalt en dato for flytningen.",),
            ("Ombygningen følger planen, og der er aftalt en dato for flytningen.",),
        ),
        ("Der skal anvendes {a} mio. kr. i {y}.",),
        {"a": (120, 220)},
        (PlannedAmount("a"),),
    ),
    "3.11": Wording(
        (
            "To juniorklubber, som ligger tæt på hinanden, har begge få børn. De samles under ét tag, så børnene får "
            "flere at være sammen med, og forældre, børn og medarbejdere høres om, hvordan det skal ske.",
        ),
        (),
        (
            ("Der er lavet en plan.",),
            ("Forældre, børn og medarbejdere er hørt, og evt. ændringer i personalet er varslet.",),
            ("Klubberne er samlet.",),
            ("Er gennemført.",),
        ),
        ("Besparelse i {y}: {a} mio. kr.",),
        {"a": (1, 5)},
        (_SAVING,),
    ),
    "3.12": Wording(
        (
            "Mange forældre arbejder på andre tider end før. Partierne ønsker en analyse af, om åbningstiderne passer "
            "til familiernes behov, og om pasning i ferierne kan samles færre steder, uden at det bliver dyrere.",
        ),
        (),
        (
            ("Spørgsmålene til forældrene er klar.",),
            ("Analysen er forelagt udvalget.",),
            ("Er gennemført.",),
            ("Er gennemført.",),
        ),
    ),
    "3.13": Wording(
        (
            "Lejrskolen står tom en del af året. Når planen for dens vedligeholdelse, der blev begyndt med budgettet "
            "for {p}, er færdig, skal det undersøges, om den kan lejes ud i ferierne.",
        ),
        (),
        (
            ("Et udkast til planen, herunder en undersøgelse af evt. udlejning, er forelagt udvalget.",),
            ("Er gennemført.",),
            ("Er gennemført.",),
            ("Er gennemført.",),
        ),
        ("Afhænger af planen.",),
    ),
    "3.15-1": Wording(
        (
            "Luften og lyden i klasserne betyder meget for, om eleverne kan holde koncentrationen. Der afsættes i alt "
            "{t} mio. kr. over de næste fire år. Arbejdet begynder på de ældste skoler.",
        ),
        (
            "Ved vedtagelsen af budgettet den 7. oktober {p} blev der frigivet {a} mio. kr. til den første skole.",
            "Ventilationen vælges på baggrund af målingerne i Klima 30-projektet, som slutter i foråret.",
        ),
        (
            ("Rådgiverne er valgt.",),
            ("Kravene til anlægget er lagt fast på baggrund af målingerne fra Klima 30-projektet.",),
            ("Anlægget er tegnet og sendt i udbud, og der er skrevet kontrakt med et firma.",),
            ("Anlægget kører og bliver justeret.",),
        ),
        ("Investering i {y}: {a} mio. kr.",),
        {"a": (50, 80), "t": (180, 260)},
        (PlannedAmount("a"),),
    ),
    "3.15-2": Wording(
        (
            "Målingerne i skolerne har vist, hvor det er vigtigst at sætte ind. Nu er det dagtilbuddenes tur. Der "
            "afsættes derfor {a} mio. kr. i {y} til at måle i alle børnehuse, så resultatet kan bruges i "
            "forhandlingerne om budget {y1}.",
        ),
        (
            "Opgaven ligger under grænsen for udbud, der er ca. {g} mio. kr. Den kan derfor gives til de rådgivere, "
            "der har målt på skolerne, så tallene kan sammenlignes.",
        ),
        (
            ("Der er skrevet kontrakt med rådgiverne, og det er aftalt, hvordan resultaterne skal vises.",),
            ("Halvdelen af husene er målt.",),
            ("Resultaterne er forelagt ledelsen, de lokale MED-udvalg samt Center-MED, og alle huse er målt.",),
            ("Opgaven er afsluttet.",),
        ),
        ("Der afsættes {a} mio. kr. i {y}.",),
        {"a": (5, 9), "g": (14, 18)},
        (PlannedAmount("a"),),
    ),
    "3.16": Wording(
        (
            "Partierne ønsker at vide, hvad eleverne har brug for, inden der købes nyt. Undersøgelsen skal foreligge i "
            "efteråret {y}.",
            "Til indkøb er der afsat {t} mio. kr. de næste 4 år.",
        ),
        (),
        (
            ("1) Der er nedsat en gruppe.", "2) Det er aftalt, hvem der skal spørges (elever, lærere og ledere)."),
            ("1) Svarene er samlet.", "2) Priserne er hentet hjem fra mindst tre firmaer."),
            ("1) 2-3 løsninger er beskrevet.", "2) En plan for de {t} mio. kr. er lavet."),
            ("Indkøbet er i gang.",),
        ),
        ("Investering i {y}: {a} mio. kr.",),
        {"a": (15, 30), "t": (80, 120)},
        (PlannedAmount("a"),),
    ),
    "3.17": Wording(
        (
            "I efteråret {y1} skal byggeriet stå færdigt.",
            "Kommunalbestyrelsen har afsat i alt {t} mio. kr. til det. Der kan vælges bedre materialer til, og "
            "partierne er enige om en ramme på {r} mio. kr. til det. Børne- og Skoleudvalget vælger, hvad rammen skal "
            "bruges til.",
        ),
        ("Kommunen holder møde med rådgiverne hver anden uge om tid, økonomi og kvalitet.",),
        (
            ("Grunden er gjort klar.",),
            ("Fundamentet er støbt, og de første vægge er rejst.",),
            ("Der er tag på huset.",),
            ("Huset er lukket, og arbejdet inde i det er gået i gang, mens de nuværende lejemål bliver afviklet.",),
        ),
        ("Investering i {y}: {a} mio. kr.",),
        {"a": (250, 420), "t": (550, 700), "r": (15, 30)},
        (PlannedAmount("a"),),
    ),
    "3.19": Wording(
        (
            "Børn, forældre og foreninger har i et år arbejdet med planerne for ombygningen, og der er vedtaget et "
            "forslag. Ombygningen er finansieret med {h} mio. kr.",
        ),
        (
            "Projektet skal tilpasses den aftalte ramme. Der tages særligt hensyn til naboerne, mens der bygges, og "
            "stedet holdes åbent så længe som muligt.",
        ),
        (
            ("Der er skrevet kontrakt med en entreprenør, og arbejdet er gået i gang.",),
            ("De bærende dele er færdige.",),
            ("Arbejdet indendørs følger planen, og der er søgt om ibrugtagning.",),
            ("Ombygningen er færdig, og børnene er flyttet ind igen.",),
        ),
        (
            "Der er afsat {h} mio. kr. i budgetaftale {p}. Der er overført {m} mio. kr. fra {p} til {y} ved tredje "
            "budgetopfølgning {p}. Samlet budget {y} er på {a} mio. kr.",
        ),
        {"h": (130, 170), "m": (60, 95), "a": (100, 129)},
        (PlannedAmount("a"),),
    ),
    "3.20": Wording(
        (
            "Sundhedsplejen sidder i dag fire steder. Partierne er enige om, at der senest i juni {y} skal tages "
            "stilling til, om den kan samles.",
            "Der er i investeringsoversigten i {y1} afsat {b} mio. kr. til om- og tilbygninger, hvis den samles.",
        ),
        ("Beslutningen træffes af Børne- og Skoleudvalget.",),
        (
            ("Et forslag til placering har været drøftet i Børne- og Skoleudvalget.",),
            ("Børne- og Skoleudvalget har truffet en beslutning, og medarbejderne er orienteret.",),
            ("En plan for flytningen er lavet.",),
            ("Planen er godkendt.",),
        ),
        ("Investering i {y}: {a} mio. kr.",),
        {"a": (8, 20), "b": (50, 90)},
        (PlannedAmount("a"), _later("b", 1)),
    ),
    "7.02": Wording(
        (
            "Forældre skal kunne skrive deres barn ind i skole og fritidsordning ét sted, og svaret skal komme samme "
            "dag. Der afsættes {a} mio. kr. i {y} og {b} mio. kr. i {y1} til løsningen.",
            "Når løsningen er i drift, spares der {c} mio. kr. i {y2} på behandlingen af ansøgninger.",
        ),
        (),
        (
            ("Løsningen er valgt.",),
            ("To skoler prøver løsningen af sammen med forældrene.",),
            ("Løsningen er i drift på alle skoler, og vejledningen til forældre er oversat til fire sprog.",),
            ("Målet om svar samme dag er nået.",),
        ),
        ("Investering {a} mio. kr. i {y}.",),
        {"a": (4, 9), "b": (2, 5), "c": (3, 6)},
        (PlannedAmount("a"), _later("b", 1), _later("c", 2, "saving")),
    ),
    "7.08": Wording(
        (
            "Stedet bruges af børnehuse, skoler og foreninger hele året.",
            "Partierne er enige om at afsætte {a} mio. kr. til istandsættelse, så det kan bruges også om vinteren.",
        ),
        ("Det skal undersøges, hvem der bruger stedet, så det kan bruges af flere.",),
        (
            ("Det er aftalt med brugerne, hvad der skal laves først, og hvad der kan vente til næste år.",),
            ("Arbejdet er færdigt.",),
            ("Tiderne er fordelt mellem brugerne.",),
            ("Projektet er afsluttet.",),
        ),
        ("Der afsættes {a} mio. kr. til istandsættelse og til vedligehold af stierne ved stedet.",),
        {"a": (1, 4)},
        (PlannedAmount("a"),),
    ),
}
"""The wording of each initiative, by its id."""

READING_GUIDE: Texts = (
    "Her kan du se, hvordan aftalen om budget {y} bliver ført ud i livet, og hvordan status bliver vurderet ved hver "
    "opfølgning.",
    "En milepæl er et skridt på vejen mod målet. Ved hver opfølgning får den en smiley, og økonomien får én samlet "
    "smiley. Ændres økonomien i løbet af året, følges der op på den ændrede økonomi.",
)
"""The paragraphs before the first initiative."""
